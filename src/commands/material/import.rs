//! `trustroot material import`

use std::collections::BTreeSet;
use std::path::PathBuf;

use ceremony::material::{
    ClientTrustConfig, Instance, Kind, Material, Repair, SigningConfig, TrustedRoot, repair, repair_services,
};

use super::change::{Grounds, Wanted};
use super::given::{self, Given, Named};
use super::import_legacy::{Singles, ended};
use crate::context::Context;
use crate::disk::{self, Place};
use crate::error::{Failure, OrFail as _};
use crate::material::LIMIT;
use crate::report::Outcome;
use crate::text::escaped;
use crate::ui::Ui;

/// Take over trust material that another tool made, and repair it
///
/// Reads a trusted root, a signing config, or a client trust config that has both; or makes a trusted root of the single
/// keys and certificates that older clients read. What other tools are known to get wrong is repaired, and each repair is
/// said: PEM texts where DER belongs, log ids, missing starts, chains in the wrong order, slashes and members that clients
/// refuse. Entries and services that `targets/` has already stay as they are: `material repair` repairs those. A whole TUF
/// repository is taken over by `adopt`.
#[derive(clap::Args)]
pub(super) struct Import {
    /// The file
    #[arg(required_unless_present = "legacy", conflicts_with = "legacy")]
    file: Option<PathBuf>,
    /// Instead of a file, take the single keys and certificates in `targets/`, such as `rekor.pub` and `fulcio.crt.pem`;
    /// in --url and in times, NAME may be that of such a file
    #[arg(long)]
    legacy: bool,
    #[command(flatten)]
    given: Given,
    /// With --legacy: the last moment at which an expired one was valid. A time alone is that of all others
    #[arg(long, value_name = "[NAME=]RFC3339", requires = "legacy")]
    end: Vec<Named>,
}

impl Import {
    pub(super) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        let wanted = Wanted::read(context)?;
        let mut after = wanted.material.clone();
        let mut grounds = Grounds::default();
        let mut broken = false;
        let (root, config) = match &self.file {
            Some(file) => {
                let bytes = disk::read(&Place::named(file), LIMIT)?;
                let (root, config) = read(&bytes).or_fail(|| format!("{} cannot be taken over", file.display()))?;
                (root.map(|root| (root, Singles::default())), config)
            }
            None => {
                let singles = Singles::read(&wanted.material, &self.given, ui)?;
                (Some((singles.trusted_root(), singles)), None)
            }
        };
        if let Some((root, singles)) = root {
            broken = self.take_over(&mut after, &root, &singles, &mut grounds, context, ui)?;
        }
        if let Some(config) = config {
            self.take_services(&mut after, &config, &mut grounds, ui);
        }
        given::say(&grounds.repairs, ui);
        if broken && after == wanted.material {
            return Err(Failure::no("nothing was taken over: targets/ has it already, broken")
                .hint("`trustroot material repair` repairs it in place"));
        }
        wanted.change(context, after, grounds)
    }

    /// Puts those entries of `root` into the material that it lacks, repaired. Whether it has some of the others broken.
    fn take_over(
        &self,
        after: &mut Material,
        root: &TrustedRoot,
        singles: &Singles,
        grounds: &mut Grounds,
        context: &Context,
        ui: &mut Ui,
    ) -> Result<bool, Failure> {
        let present = after.trusted_root.as_ref();
        let there: BTreeSet<_> =
            present.into_iter().flat_map(TrustedRoot::instances).map(|one| one.identity()).collect();
        let joins = |entry: &Instance<'_>| !there.contains(&entry.identity());
        let answers = self.given.answers(root, joins, |name| singles.place(name), context, ui)?;
        let (repaired, mut repairs) = repair(root, &answers);
        let repaired = ended(repaired, singles, &self.end, context, ui)?;
        repairs.retain(|repair| match repair.place {
            Some((kind, index)) => root.of_kind(kind).nth(index).is_some_and(|entry| joins(&entry)),
            None => present.is_none(),
        });
        grounds.repairs.append(&mut repairs);
        let Some(present) = present else {
            after.trusted_root = Some(repaired);
            return Ok(false);
        };
        let place = |place: (Kind, usize)| present.of_kind(place.0).nth(place.1);
        let broken = repair(present, &self.given.urls()).1.into_iter().filter_map(|repair| place(repair.place?));
        let broken: BTreeSet<_> = broken.map(|entry| entry.identity()).collect();
        let offered: Vec<Instance<'_>> = root.instances().filter(|entry| broken.contains(&entry.identity())).collect();
        for entry in &offered {
            let subject = entry.subject();
            ui.say(format!("targets/ has {} already, broken: `trustroot material repair`", escaped(&subject)));
        }
        let any = !offered.is_empty();
        after.trusted_root = Some(present.merge(&repaired).0);
        Ok(any)
    }

    /// Puts those services of `config` into the signing config of the material that it lacks, repaired.
    fn take_services(&self, after: &mut Material, config: &SigningConfig, grounds: &mut Grounds, ui: &mut Ui) {
        let (repaired, repairs) = repair_services(config, &self.given.urls());
        let Some(present) = after.signing_configs.get_mut(SigningConfig::TARGET) else {
            grounds.repairs.extend(repairs);
            after.signing_configs.insert(SigningConfig::TARGET.to_owned(), repaired);
            return;
        };
        if !repair_services(present, &self.given.urls()).1.is_empty() {
            ui.say(format!("URLs in targets/{} are broken: `trustroot material repair`", SigningConfig::TARGET));
        }
        let stays = format!("targets/{} stays as it is", SigningConfig::TARGET);
        match present.merge(&repaired) {
            Err(error) => ui.say(format!("{stays}: {error}")),
            Ok((_, 0)) => ui.say(format!("{stays}: it has all services already")),
            Ok((merged, _)) => {
                ui.say(format!("targets/{} is kept, and gets the services that it lacks", SigningConfig::TARGET));
                let joins = |repair: &Repair| !present.services().any(|there| there.subject() == repair.subject);
                grounds.repairs.extend(repairs.into_iter().filter(joins));
                *present = merged;
            }
        }
    }
}

/// What a file holds, whichever of the three it is.
fn read(bytes: &[u8]) -> Result<(Option<TrustedRoot>, Option<SigningConfig>), Failure> {
    if let Ok(ClientTrustConfig { trusted_root, signing_config }) = ClientTrustConfig::parse(bytes) {
        return Ok((Some(trusted_root), Some(signing_config)));
    }
    match SigningConfig::parse(bytes) {
        Ok(config) if config.form() == ceremony::material::signing_config::Form::V02 => Ok((None, Some(config))),
        Ok(_) => Err(Failure::no("it is a signing config of the form v0.1, which no client of today reads")),
        Err(_) => Ok((Some(TrustedRoot::parse(bytes)?), None)),
    }
}
