//! The clients of others, run against what a server on loopback serves.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use futures::StreamExt as _;
use tough::{
    ExpirationEnforcement, RepositoryLoader, TargetName, Transport, TransportError, TransportErrorKind, TransportStream,
};
use url::Url;

use super::BINARY;

/// The clients that follow roots, remember what they saw, and run quickly.
pub const QUICK: [&str; 5] = ["python-tuf", "tuf-js", "go-tuf", "tough", "sigstore-tuf"];

/// One run of a client.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where the metadata is; the targets are below `/targets`.
    pub url: String,
    /// The root that it starts from while its cache is empty.
    pub root: PathBuf,
    /// What it remembers.
    pub cache: PathBuf,
    pub targets: Vec<String>,
}

impl Job {
    pub fn new(url: impl Into<String>, root: &Path, cache: &Path, targets: &[&str]) -> Self {
        let targets = targets.iter().map(|target| target.to_string()).collect();
        Self { url: url.into(), root: root.to_owned(), cache: cache.to_owned(), targets }
    }
}

/// Runs a client for each job, one after the other, at `time`; answers with the version of the root that it came to, or
/// with what it says. tough has no clock: it is not asked about expiry.
pub fn run(client: &str, time: Option<&str>, jobs: &[Job]) -> Vec<Result<u64, String>> {
    jobs.iter().for_each(|job| fs::create_dir_all(&job.cache).unwrap());
    match client {
        "python-tuf" | "tuf-js" => batch(client, time, jobs),
        "tough" => jobs.iter().map(tough).collect(),
        "sigstore-tuf" => jobs.iter().map(|job| fetch(job, time)).collect(),
        _ => jobs.iter().map(|job| one(client, job, time)).collect(),
    }
}

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name))
}

fn batch(client: &str, time: Option<&str>, jobs: &[Job]) -> Vec<Result<u64, String>> {
    let mut command = script("batch");
    command.arg(client).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(time.iter().flat_map(|time| ["--time", time]));
    let mut child = command.spawn().unwrap();
    let line = |job: &Job| {
        let paths = [&job.root, &job.cache].map(|path| path.to_str().unwrap());
        let targets = job.targets.iter().map(String::as_str);
        let fields: Vec<&str> = [job.url.as_str()].into_iter().chain(paths).chain(targets).collect();
        format!("{}\n", fields.join("\t"))
    };
    let lines: String = jobs.iter().map(line).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = text.lines().filter_map(answer).collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(answers.len(), jobs.len(), "{client}: {text}\n{stderr}");
    answers
}

fn answer(line: &str) -> Option<Result<u64, String>> {
    let (word, rest) = line.split_once(' ')?;
    match word {
        "ok" => Some(Ok(rest.parse().unwrap())),
        "no" => Some(Err(rest.to_owned())),
        _ => None,
    }
}

/// Runs `tests/clients/run`. cosign and tuftool do not say which root they came to: 0.
pub fn one(client: &str, job: &Job, time: Option<&str>) -> Result<u64, String> {
    let mut command = script("run");
    command.args([client, &job.url]).args([&job.root, &job.cache]);
    command.args(time.iter().flat_map(|time| ["--time", time])).args(&job.targets);
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let said = String::from_utf8(output.stdout).unwrap();
    let said: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(said["ok"], true);
    Ok(said["root_version"].as_u64().unwrap_or(0))
}

/// This program's own client, which is sigstore-tuf.
fn fetch(job: &Job, time: Option<&str>) -> Result<u64, String> {
    let out = job.cache.join("out");
    let mut command = Command::new(BINARY);
    command.args(["fetch", "--json", "--metadata-url", &job.url, "--root"]).arg(&job.root);
    command.arg("--cache").arg(&job.cache).args(time.iter().flat_map(|time| ["--now", time]));
    if !job.targets.is_empty() {
        command.arg("--out").arg(out).args(&job.targets);
    }
    let output = command.output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    match output.status.success() {
        true => Ok(said["roles"][0]["version"].as_u64().unwrap()),
        false => Err(said.to_string()),
    }
}

fn tough(job: &Job) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let root = fs::read(&job.root).unwrap();
    let url = |path: &str| Url::parse(&format!("{}/{path}", job.url)).unwrap();
    let datastore = job.cache.join("datastore");
    fs::create_dir_all(&datastore).unwrap();
    let loader = RepositoryLoader::new(&root, url(""), url("targets/"))
        .transport(Http)
        .datastore(datastore)
        .expiration_enforcement(ExpirationEnforcement::Unsafe);
    runtime.block_on(async {
        let repository = loader.load().await.map_err(|error| explain(&error))?;
        for target in &job.targets {
            let name = TargetName::new(target).unwrap();
            let read = repository.read_target(&name).await.map_err(|error| explain(&error))?;
            let mut read = read.ok_or_else(|| format!("no target {target}"))?;
            while let Some(part) = read.next().await {
                part.map_err(|error| explain(&error))?;
            }
        }
        Ok(repository.root().signed.version.get())
    })
}

/// The error and its causes, without tough's backtraces.
fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Plain HTTP for tough.
#[derive(Clone, Debug)]
struct Http;

#[async_trait::async_trait]
impl Transport for Http {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        match get(&url) {
            Some(body) => Ok(Box::pin(futures::stream::iter([Ok(body)]))),
            None => Err(TransportError::new(TransportErrorKind::FileNotFound, url)),
        }
    }
}

/// What a server on loopback has at an address; none if it has nothing there.
pub fn get(url: &Url) -> Option<Bytes> {
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap();
    write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", url.path(), url.host_str().unwrap()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    match String::from_utf8_lossy(&answer[..end]).split(' ').nth(1) {
        Some("200") => Some(Bytes::copy_from_slice(&answer[end + 4..])),
        Some("404") => None,
        status => panic!("{url}: {status:?}"),
    }
}

/// Copies a directory with all that is in it. What is there already stays, unless the copied one has it too.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}
