//! A server that answers as no server should.
#![allow(clippy::unwrap_used)]

use std::error::Error as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use super::*;

type Script = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// Answers one request after the other with `replies`, each as it stands, then ends; returns the paths asked for.
fn server(replies: Vec<Script>) -> (Site, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/tuf/", listener.local_addr().unwrap()).parse().unwrap();
    let asked = thread::spawn(move || {
        let mut asked = Vec::new();
        for reply in replies {
            let mut stream = listener.accept().unwrap().0;
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            asked.push(lines.next().unwrap().unwrap().split(' ').nth(1).unwrap().to_owned());
            while lines.next().unwrap().unwrap() != "" {}
            reply(&mut stream);
        }
        asked
    });
    (Site::through(None, base, Duration::from_secs(1)).unwrap(), asked)
}

fn text(reply: &str) -> Script {
    let reply = reply.to_owned();
    Box::new(move |stream| stream.write_all(reply.as_bytes()).unwrap())
}

fn cause(error: SourceError) -> String {
    error.source().unwrap().to_string()
}

#[test]
fn asks_for_names_as_clients_do() {
    let ok = || text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    let (site, asked) = server(vec![ok(), ok(), text("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")]);
    assert_eq!(site.metadata("1.a%2Fb.json", 2).unwrap().unwrap(), b"{}");
    assert_eq!(site.target("registry.npmjs.org/a%20b?c d", 2).unwrap().unwrap(), b"{}");
    assert!(site.metadata("17.root.json", 2).unwrap().is_none());
    let paths = ["/tuf/1.a%2Fb.json", "/tuf/registry.npmjs.org/a%2520b%3Fc%20d", "/tuf/17.root.json"];
    assert_eq!(asked.join().unwrap(), paths);
}

#[test]
fn what_is_sent_is_sent_to_the_site_alone() {
    let made = text("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    let away = text("HTTP/1.1 307 X\r\nLocation: http://b.example/\r\nConnection: close\r\n\r\n");
    let gone = text("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    let (site, asked) = server(vec![made, away, gone]);
    let post = |limit| site.post("application/timestamp-query", b"x", limit);
    assert_eq!(post(2).unwrap().unwrap(), b"{}");
    let refused = cause(post(2).unwrap_err());
    assert!(refused.starts_with("the redirection to \"http://b.example/\" is refused"), "{refused}");
    assert!(post(2).unwrap().is_none());
    assert_eq!(asked.join().unwrap(), ["/tuf", "/tuf", "/tuf"]);
}

#[test]
fn takes_no_more_than_asked_for() {
    let endless = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
        // Until the client has had enough.
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    };
    let long = text("HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\nConnection: close\r\n\r\n");
    let (site, asked) = server(vec![long, Box::new(endless)]);
    for _ in 0..2 {
        let refused = site.metadata("timestamp.json", 16_384).unwrap_err();
        assert!(matches!(refused, SourceError::TooLarge { limit: 16_384, .. }), "{refused}");
    }
    asked.join().unwrap();
}

#[test]
fn says_why_an_answer_did_not_arrive() {
    let short = text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}");
    let (site, asked) = server(vec![short, text("HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n"), text("nonsense")]);
    assert_eq!(cause(site.metadata("a.json", 9).unwrap_err()), "the connection ended before the answer did");
    assert_eq!(cause(site.metadata("a.json", 9).unwrap_err()), "the server answered with status 503");
    assert!(site.metadata("a.json", 9).is_err());
    asked.join().unwrap();
    let gone = site.metadata("a.json", 9).unwrap_err();
    assert!(gone.to_string().ends_with("/tuf/a.json could not be read"), "{gone}");
    assert_eq!(cause(gone), "the connection failed");
}

#[test]
fn loses_patience_with_slow_servers() {
    let silent = |_: &mut TcpStream| thread::sleep(Duration::from_millis(1500));
    let drops = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    };
    let (site, asked) = server(vec![Box::new(silent), Box::new(drops)]);
    let start = Instant::now();
    assert_eq!(cause(site.metadata("a.json", 9).unwrap_err()), "the server was silent for 1 s");
    // However much the answer may have: what counts is what has come.
    let slow = cause(site.metadata("a.json", 256 << 20).unwrap_err());
    assert_eq!(slow, "the server sends less than 16384 bytes per second");
    assert!(start.elapsed() < Duration::from_secs(10));
    asked.join().unwrap();
}

#[test]
fn follows_redirections_with_care() {
    let to = |place: &str| text(&format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nConnection: close\r\n\r\n"));
    let ok = text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    let (site, asked) = server(vec![to("/mirror/a.json"), ok]);
    assert_eq!(site.metadata("a.json", 9).unwrap().unwrap(), b"{}");
    assert_eq!(asked.join().unwrap(), ["/tuf/a.json", "/mirror/a.json"]);

    let (site, asked) = server((0..6).map(|_| to("a.json")).collect());
    assert_eq!(cause(site.metadata("a.json", 9).unwrap_err()), "the server redirects more than 5 times");
    asked.join().unwrap();

    let (site, asked) = server(vec![to("file:///etc/passwd")]);
    let refused = cause(site.metadata("a.json", 9).unwrap_err());
    assert!(refused.contains("its scheme is neither http nor https"), "{refused}");
    asked.join().unwrap();

    let (https, http) = ("https://a.example/x".parse().unwrap(), "http://a.example/x".parse().unwrap());
    assert!(matches!(redirected(&https, "http://a.example/"), Err(HttpError::Redirect { .. })));
    assert_eq!(redirected(&https, "/y").unwrap().as_str(), "https://a.example/y");
    assert_eq!(redirected(&http, "https://b.example/").unwrap().as_str(), "https://b.example/");
}
