//! A web server on loopback that answers as it is told, badly too.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server that lives as long as the test.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What the server does with a request.
pub enum Reply {
    /// 200 and these bytes.
    Bytes(Vec<u8>),
    /// 200 and more bytes than anybody takes.
    Endless,
    /// 404.
    Missing,
    /// 302 and a location.
    Redirect(String),
    /// Nothing, for so long, and then the end.
    Silence(Duration),
    /// A status without a body.
    Status(u16),
    /// 200, and the end before all of the bytes are sent.
    Truncated(Vec<u8>),
}

impl Server {
    /// Answers a request for a path, which starts with a slash, with what `answer` says.
    pub fn new(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::taking(move |path, _| answer(path))
    }

    /// The same, with what was sent.
    pub fn taking(answer: impl Fn(&str, &[u8]) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let (asked, answer) = (server.asked.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (asked, answer) = (asked.clone(), answer.clone());
                thread::spawn(move || serve(stream.unwrap(), &asked, &*answer));
            }
        });
        server
    }

    /// Serves the files below a directory.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        let directory = path.into();
        Self::new(move |path| match std::fs::read(directory.join(path.trim_start_matches('/'))) {
            Ok(bytes) => Reply::Bytes(bytes),
            Err(_) => Reply::Missing,
        })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The paths that were asked for since this was asked last.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, asked: &Mutex<Vec<String>>, answer: &dyn Fn(&str, &[u8]) -> Reply) {
    let mut sent = BufReader::new(stream.try_clone().unwrap());
    let mut lines = sent.by_ref().lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let length = |line: String| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok();
    let length = lines.take_while(|line| !line.is_empty()).filter_map(length).last().unwrap_or(0);
    let mut body = Vec::new();
    if sent.take(length).read_to_end(&mut body).is_err() {
        return;
    }
    let path = request.split(' ').nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(path.clone());
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{more}\r\n");
    let (head, body) = match answer(&path, &body) {
        Reply::Bytes(bytes) => (head(200, &format!("Content-Length: {}\r\n", bytes.len())), bytes),
        Reply::Endless => (head(200, ""), b"x".repeat(100_000_000)),
        Reply::Missing => (head(404, "Content-Length: 0\r\n"), Vec::new()),
        Reply::Redirect(to) => (head(302, &format!("Location: {to}\r\nContent-Length: 0\r\n")), Vec::new()),
        Reply::Silence(time) => return thread::sleep(time),
        Reply::Status(status) => (head(status, "Content-Length: 0\r\n"), Vec::new()),
        Reply::Truncated(bytes) => (head(200, &format!("Content-Length: {}\r\n", bytes.len() + 1)), bytes),
    };
    // A client that has had enough hangs up.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
