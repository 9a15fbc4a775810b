//! Trust material as it lies on the disk: wanted among the target files, published in the repository.

pub(crate) mod compromised;
mod write;

use std::collections::BTreeMap;

use ceremony::finding::{Finding, Rule};
use ceremony::material::evidence::{claim_name, ends, file_name};
use ceremony::material::files::is_material;
use ceremony::material::{Ending, Instance, Judgement, Material, Publication, lint, step};
use ceremony::{Json, Policy, TargetEntry, Targets, Time};

use crate::disk;
use crate::error::Failure;
use crate::published::Published;
use crate::workdir::Workdir;

pub(crate) use write::{AsRead, Change};

/// The most bytes of one file of trust material that are read.
pub(crate) const LIMIT: u64 = 4 << 20;

/// How many target files there may be.
const FILES: usize = 1_000_000;

/// The material that is wanted: `targets/`, with what the policy says of the files.
pub(crate) fn wanted(workdir: &Workdir, policy: &Policy) -> Result<Material, Failure> {
    let paths = disk::tree(&workdir.targets(), FILES)?;
    Ok(wanted_of(&wanted_files(workdir, policy, paths.iter().map(String::as_str))?, policy))
}

/// What [`wanted_files`] are, with what the policy says of them.
pub(crate) fn wanted_of(files: &BTreeMap<String, Vec<u8>>, policy: &Policy) -> Material {
    Material::of(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice(), custom(policy, path))))
}

/// Those of the files in `targets/` that are trust material, by path.
pub(crate) fn wanted_files<'a>(
    workdir: &Workdir,
    policy: &Policy,
    paths: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let place = workdir.targets();
    let material = paths.filter(|path| is_material(path, custom(policy, path)));
    let material = material.filter(|path| policy.role_of_target(path) == "targets");
    material.map(|path| Ok((path.to_owned(), disk::read(&place.join(path), LIMIT)?))).collect()
}

/// The material that is published, as the top-level targets list it. Nothing is verified.
pub(crate) fn published(workdir: &Workdir) -> Result<Material, Failure> {
    let repository = workdir.repository();
    if !disk::exists(repository.root())? {
        return Ok(Material::default());
    }
    let published = Published::read(&repository)?;
    published_of(&published_files(workdir, &published)?, &published)
}

/// What [`published_files`] are, with what the top-level targets say of them.
pub(crate) fn published_of(files: &BTreeMap<String, Vec<u8>>, published: &Published) -> Result<Material, Failure> {
    let Some(targets) = published.roles.get("targets") else { return Ok(Material::default()) };
    let targets = Targets::of(&targets.metadata)?;
    let held =
        targets.entries().filter_map(|(path, entry)| Some((path, files.get(path)?.as_slice(), entry.get("custom"))));
    Ok(Material::of(held))
}

/// The published files that are trust material, by the paths of their targets.
pub(crate) fn published_files(workdir: &Workdir, published: &Published) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let repository = workdir.repository();
    let mut files = BTreeMap::new();
    let Some(targets) = published.roles.get("targets") else { return Ok(files) };
    for (path, entry) in Targets::of(&targets.metadata)?.entries() {
        if !is_material(path, entry.get("custom")) {
            continue;
        }
        let names = TargetEntry::read(entry, path)?.file_names(path);
        let held = names.iter().map(|name| disk::read_if_there(&repository.targets().join(name), LIMIT));
        let held = held.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().next();
        let lacks = || Failure::could_not(format!("repository/targets lacks the target {path}"));
        files.insert(path.to_owned(), held.ok_or_else(lacks)?);
    }
    Ok(files)
}

/// What is wrong with wanted material, by itself.
pub(crate) fn judge(material: &Material, policy: &Policy, now: Time) -> Vec<Finding> {
    let lifetime = policy.role("root").map(|role| role.lifetime);
    let next = lifetime.and_then(|lifetime| now.plus(lifetime)).unwrap_or(now);
    lint(material, &Judgement { now, next, clients: &policy.clients })
}

/// What is wrong with going from the published material to the wanted one at `now`: with the step, and with what is
/// wanted where it is not so in what is published. `endings` are what ends in it.
pub(crate) fn judge_step(
    before: &Material,
    after: &Material,
    endings: &[Ending],
    policy: &Policy,
    now: Time,
) -> Vec<Finding> {
    let old = judge(before, policy, now);
    let known = |finding: &Finding| {
        // What expires is found again at every ceremony until somebody mends it. What else is wrong with an entry that
        // had something wrong with it before is new.
        finding.rule != Rule::CertificateExpires && old.contains(finding)
    };
    let mut findings: Vec<Finding> = judge(after, policy, now).into_iter().filter(|finding| !known(finding)).collect();
    findings.extend(publication(policy, now).iter().flat_map(|publication| step(before, after, endings, publication)));
    findings.extend(endings.iter().filter_map(Ending::finding));
    findings
}

/// What of a step is used before every client can know it, if it is published at `now`.
pub(crate) fn too_soon(before: &Material, after: &Material, policy: &Policy, now: Time) -> Vec<Finding> {
    let publication = publication(policy, now);
    publication.iter().flat_map(|publication| ceremony::material::too_soon(before, after, publication)).collect()
}

fn publication(policy: &Policy, at: Time) -> Option<Publication> {
    policy.role("timestamp").map(|role| Publication { at, timestamp_lifetime: role.lifetime })
}

/// The evidence in `evidence/` of entries that end from one material to the other, and what is claimed there, by the names
/// of the files. Those in `written` are as they will be: with this content, or away.
pub(crate) fn evidence(
    workdir: &Workdir,
    before: &Material,
    after: &Material,
    written: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    for (entry, _) in ends(before.trusted_root.as_ref(), after.trusted_root.as_ref()) {
        for name in names_of(&entry) {
            let bytes = match written.get(&name) {
                Some(bytes) => bytes.clone(),
                None => disk::read_if_there(&workdir.evidence(&name), LIMIT)?,
            };
            files.extend(bytes.map(|bytes| (name, bytes)));
        }
    }
    Ok(files)
}

/// The files in `evidence/` of ends that were wanted and do not come: what was said of them would be taken for what is
/// said of the next end, and goes away.
pub(crate) fn forgotten(
    published: &Material,
    before: &Material,
    after: &Material,
) -> BTreeMap<String, Option<Vec<u8>>> {
    let published = published.trusted_root.as_ref();
    let stays = ends(published, after.trusted_root.as_ref());
    let mut goes = ends(published, before.trusted_root.as_ref());
    goes.retain(|(entry, _)| !stays.iter().any(|(other, _)| other == entry));
    goes.iter().flat_map(|(entry, _)| names_of(entry)).map(|name| (name, None)).collect()
}

/// The files in `evidence/` of an entry.
fn names_of(entry: &Instance<'_>) -> [String; 2] {
    [file_name(entry), claim_name(entry)]
}

/// What ends from one material to the other, with its evidence, which lies in `place`.
///
/// # Errors
/// If a file is no evidence of what it is named for.
pub(crate) fn endings(
    before: &Material,
    after: &Material,
    files: &BTreeMap<String, Vec<u8>>,
    place: &str,
) -> Result<Vec<Ending>, Failure> {
    Ending::all(before.trusted_root.as_ref(), after.trusted_root.as_ref(), files).map_err(|(name, error)| {
        Failure::no(format!("{place}/{name} is no evidence of the last use of what ends")).caused_by(&error)
    })
}

/// The targets of which the published metadata says `custom: null`, and which are wanted without any word of the policy on
/// them: staging leaves that as it is.
pub(crate) fn nulls(workdir: &Workdir, policy: &Policy) -> Result<Vec<Finding>, Failure> {
    let repository = workdir.repository();
    if !disk::exists(repository.root())? {
        return Ok(Vec::new());
    }
    let published = Published::read(&repository)?;
    let Some(targets) = published.roles.get("targets") else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for (path, entry) in Targets::of(&targets.metadata)?.entries() {
        let said = entry.get("custom") == Some(&Json::Null) && custom(policy, path).is_none();
        if said && disk::exists(&workdir.targets().join(path))? {
            let what = "the published entry has it, and the policy has no custom of it";
            findings.push(Finding::new(Rule::CustomNull, path, what));
        }
    }
    Ok(findings)
}

/// What is wrong with going from what is published to what is wanted, which ends some of it.
pub(crate) fn judge_wanted(
    workdir: &Workdir,
    before: &Material,
    after: &Material,
    policy: &Policy,
    now: Time,
) -> Result<(Vec<Finding>, Vec<Ending>), Failure> {
    judge_with(&evidence(workdir, before, after, &BTreeMap::new())?, before, after, policy, now)
}

/// As [`judge_wanted`], with these files in `evidence/`.
pub(crate) fn judge_with(
    evidence: &BTreeMap<String, Vec<u8>>,
    before: &Material,
    after: &Material,
    policy: &Policy,
    now: Time,
) -> Result<(Vec<Finding>, Vec<Ending>), Failure> {
    let endings = endings(before, after, evidence, "evidence")?;
    Ok((judge_step(before, after, &endings, policy, now), endings))
}

/// What the policy says of a target.
fn custom<'a>(policy: &'a Policy, path: &str) -> Option<&'a Json> {
    policy.targets.get(path)?.custom.as_ref()
}
