//! The disk, with everything in it that a stranger may put there.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ceremony::Digest;
use tempfile::TempDir;

use super::*;

/// A directory with `inside/file`, and beside it `outside/secret`.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (file, content) in [("inside/file", "content"), ("outside/secret", "secret")] {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        Self { directory }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn inside(&self) -> Place {
        Place::named(self.path("inside"))
    }

    /// The names in `inside`, hidden ones too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("inside")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Whoever runs as root and names a device for a page keeps the device.
#[test]
fn only_a_file_is_put_in_the_place_of_a_file() {
    let world = World::new();
    let _socket = UnixListener::bind(world.path("inside/socket")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.path("inside/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let null = Place::named("/dev/null");
    let replaced = |place: &Place| replace(place, b"new", Access::Shared).unwrap_err().to_string();
    for (name, what) in [("socket", "a socket"), ("pipe", "a pipe")] {
        let error = replaced(&world.inside().join(name));
        assert!(error.contains(what), "{error}");
    }
    assert_eq!(replaced(&null), "/dev/null is a device, not a regular file");
    assert_eq!(fs::read(world.path("inside/file")).unwrap(), b"content");
    replace(&world.inside().join("file"), b"new", Access::Shared).unwrap();
}

#[test]
fn what_a_killed_process_of_the_same_number_left_is_in_nobodys_way() {
    let world = World::new();
    for count in 0..1000 {
        fs::write(world.path(&format!("inside/{TEMPORARY}{}-{count}", std::process::id())), "half").unwrap();
    }
    create_new(&world.inside().join("new"), b"whole", Access::Shared).unwrap();
    assert_eq!(fs::read(world.path("inside/new")).unwrap(), b"whole");
}

#[test]
fn reads_no_further_than_the_limit() {
    let world = World::new();
    let file = world.inside().join("file");
    assert_eq!(read(&file, 7).unwrap(), b"content");
    assert_eq!(hash(&file, 7).unwrap(), Measured { length: 7, sha256: Digest::of(b"content") });
    assert!(matches!(read(&file, 6), Err(DiskError::TooLarge { length: 7, limit: 6, .. })));
    fs::File::create(world.path("inside/huge")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(read(&world.inside().join("huge"), 1 << 20), Err(DiskError::TooLarge { .. })));
    fs::write(world.path("inside/latin"), b"ab\xffc").unwrap();
    assert!(matches!(read_text(&world.inside().join("latin"), 9), Err(DiskError::NotText { position: 2, .. })));
    assert_eq!(read_if_there(&world.inside().join("nowhere/at/all"), 9).unwrap(), None);
}

#[test]
fn follows_links_to_what_was_named_and_none_below() {
    let world = World::new();
    symlink(world.path("inside"), world.path("link")).unwrap();
    symlink(world.path("inside/file"), world.path("file")).unwrap();
    assert_eq!(read(&Place::named(world.path("link")).join("file"), 9).unwrap(), b"content");
    assert_eq!(read(&Place::named(world.path("file")), 9).unwrap(), b"content");

    symlink(world.path("outside/secret"), world.path("inside/secret")).unwrap();
    symlink(world.path("outside"), world.path("inside/dir")).unwrap();
    for path in ["secret", "dir/secret", "dir/x/y"] {
        let place = world.inside().join(path);
        assert!(matches!(read(&place, 9), Err(DiskError::Symlink { .. })), "{path}");
        assert!(matches!(hash(&place, 9), Err(DiskError::Symlink { .. })), "{path}");
    }
    for path in ["dir/new", "dir/x/new"] {
        let place = world.inside().join(path);
        assert!(matches!(create_new(&place, b"x", Access::Shared), Err(DiskError::Symlink { .. })), "{path}");
        assert!(matches!(replace(&place, b"x", Access::Shared), Err(DiskError::Symlink { .. })), "{path}");
    }
    assert!(matches!(list(&world.inside(), 9), Err(DiskError::Symlink { .. })));
    assert!(matches!(list(&world.inside().join("dir"), 9), Err(DiskError::Symlink { .. })));
    assert!(matches!(tree(&world.inside(), 9), Err(DiskError::Symlink { .. })));
    assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 1);
    assert!(exists(&world.inside().join("secret")).unwrap());
}

#[test]
fn a_link_in_the_place_of_a_new_file_is_not_written_through() {
    let world = World::new();
    symlink(world.path("outside/new"), world.path("inside/dangling")).unwrap();
    symlink(world.path("outside/secret"), world.path("inside/link")).unwrap();
    for name in ["dangling", "link"] {
        let result = create_new(&world.inside().join(name), b"x", Access::Shared);
        assert!(matches!(result, Err(DiskError::Exists { .. })), "{name}");
    }
    replace(&world.inside().join("link"), b"mine", Access::Shared).unwrap();
    assert_eq!(fs::read(world.path("outside/secret")).unwrap(), b"secret");
    assert_eq!(read(&world.inside().join("link"), 9).unwrap(), b"mine");
}

#[test]
fn no_name_leads_out() {
    let world = World::new();
    let long = "x".repeat(256);
    for path in
        ["../outside/secret", "a/../../outside/secret", "..", ".", "a//b", "/etc/passwd", "a/", "a\\b", "a\0", &long]
    {
        let place = world.inside().join(path);
        fs::create_dir_all(world.path("inside/a")).unwrap();
        assert!(matches!(read(&place, 9), Err(DiskError::Name { .. })), "{path:?}");
        assert!(matches!(create_new(&place, b"x", Access::Shared), Err(DiskError::Name { .. })), "{path:?}");
        assert!(matches!(list(&place, 9), Err(DiskError::Name { .. })), "{path:?}");
    }
    assert_eq!(world.names(), ["a", "file"]);
}

#[test]
fn reads_nothing_but_regular_files() {
    let world = World::new();
    fs::create_dir(world.path("inside/dir")).unwrap();
    let _socket = UnixListener::bind(world.path("inside/socket")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, world.path("inside/pipe"), mode).unwrap();
    for (place, kind) in [
        (world.inside().join("dir"), "a directory"),
        (world.inside().join("pipe"), "a pipe"),
        (Place::named("/dev/zero"), "a device"),
        (Place::named("/dev").join("tty"), "device"),
    ] {
        let error = read(&place, 9).unwrap_err();
        let expected = matches!(&error, DiskError::NotA { found, .. } if *found == kind);
        // Without a terminal of its own, a process cannot even open /dev/tty.
        assert!(expected || kind == "device", "{error}");
    }
    assert!(read(&world.inside().join("socket"), 9).is_err());
    assert!(matches!(tree(&world.inside(), 9), Err(DiskError::NotA { .. })));
    assert!(matches!(read(&world.inside().join("file/below"), 9), Err(DiskError::NotA { .. })));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let world = World::new();
    let place = world.inside().join("file");
    let changes: [fn(&mut fs::File); 3] = [
        |file| file.write_all(b" and more").unwrap(),
        |file| file.set_len(3).unwrap(),
        |file| {
            // Same length, other bytes. Time stamps of files have the granularity of a clock tick.
            std::thread::sleep(Duration::from_millis(30));
            file.write_all(b"CONTENT").unwrap();
        },
    ];
    for change in changes {
        fs::write(world.path("inside/file"), "content").unwrap();
        let result = read::File::open(&place, 99).unwrap().measure(&|| place.clone(), |_| {
            change(&mut fs::File::options().write(true).open(world.path("inside/file")).unwrap());
            Ok(())
        });
        assert!(matches!(result, Err(DiskError::Changed { .. })), "{result:?}");
    }
    fs::write(world.path("inside/file"), "x".repeat(100_000)).unwrap();
    let result = read::File::open(&place, 1 << 20).unwrap().measure(&|| place.clone(), |_| {
        fs::File::options().append(true).open(world.path("inside/file")).unwrap().write_all(b"more").unwrap();
        Ok(())
    });
    assert!(matches!(result, Err(DiskError::Changed { .. })), "{result:?}");
}

#[test]
fn lists_what_has_a_plain_name() {
    let world = World::new();
    fs::create_dir(world.path("inside/dir")).unwrap();
    fs::write(world.path("inside/.trustroot-123-0"), "").unwrap();
    let entries = list(&world.inside(), 2).unwrap();
    let entry = |name: &str, is_dir| Entry { name: name.to_owned(), is_dir };
    assert_eq!(entries, [entry("dir", true), entry("file", false)]);
    assert!(matches!(list(&world.inside(), 1), Err(DiskError::TooMany { limit: 1, .. })));
    assert_eq!(list(&world.inside().join("nowhere"), 1).unwrap(), []);
    for odd in [&b"a b"[..], b"\x1b[2J", b"\xff", "é".as_bytes(), b"a\\b", b"a\nb", b"a:b"] {
        let path = world.path("inside").join(std::ffi::OsStr::from_bytes(odd));
        fs::write(&path, "").unwrap();
        assert!(matches!(list(&world.inside(), 9), Err(DiskError::Name { .. })), "{odd:?}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_tree_is_its_files_sorted_by_path() {
    let world = World::new();
    for path in ["b", "a/z", "a/é b", "a-b", "a/c/d"] {
        create_new(&world.inside().join("targets").join(path), b"", Access::Shared).unwrap();
    }
    let targets = world.inside().join("targets");
    assert_eq!(tree(&targets, 7).unwrap(), ["a-b", "a/c/d", "a/z", "a/é b", "b"]);
    assert!(matches!(tree(&targets, 6), Err(DiskError::TooMany { limit: 6, .. })));
    create_new(&targets.join("b c"), b"content", Access::Shared).unwrap();
    let measured = measure_some(&targets, 9, 7, |_| true).unwrap();
    assert_eq!(measured.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), tree(&targets, 9).unwrap());
    assert_eq!(measured.last().unwrap().1, hash(&targets.join("b c"), 7).unwrap());
    assert!(matches!(measure_some(&targets, 9, 6, |_| true), Err(DiskError::TooLarge { limit: 6, .. })));
    let some = measure_some(&targets, 9, 7, |path| !matches!(path, "a/c/" | "b")).unwrap();
    assert_eq!(some.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a-b", "a/z", "a/é b", "b c"]);
    for odd in [&b"\x1b[2J"[..], b"\xff", b"a\\b", b"a\nb"] {
        let path = world.path("inside/targets/a").join(std::ffi::OsStr::from_bytes(odd));
        fs::write(&path, "").unwrap();
        assert!(matches!(tree(&targets, 9), Err(DiskError::Name { .. })), "{odd:?}");
        fs::remove_file(path).unwrap();
    }
    fs::create_dir_all(world.path(&format!("inside/targets{}", "/x".repeat(40)))).unwrap();
    assert!(matches!(tree(&targets, 99), Err(DiskError::NotA { .. })));
}

#[test]
fn new_files_are_new_and_whole() {
    let world = World::new();
    let (file, new) = (world.inside().join("file"), world.inside().join("a/b/new"));
    assert!(matches!(create_new(&file, b"x", Access::Shared), Err(DiskError::Exists { differs: false, .. })));
    assert!(!create_or_same(&file, b"content", Access::Shared).unwrap());
    for other in [&b"contenT"[..], b"conten", b"content "] {
        let result = create_or_same(&file, other, Access::Shared);
        assert!(matches!(result, Err(DiskError::Exists { differs: true, .. })), "{other:?}");
    }
    assert!(create_or_same(&new, b"x", Access::Private).unwrap());
    replace(&file, b"other", Access::Shared).unwrap();
    assert_eq!((read(&new, 9).unwrap(), read(&file, 9).unwrap()), (b"x".to_vec(), b"other".to_vec()));
    assert_eq!(fs::metadata(new.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(world.names(), ["a", "file"]);
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let world = World::new();
    create_dir(&world.inside().join("dir")).unwrap();
    assert!(replace(&world.inside().join("dir"), b"x", Access::Shared).is_err());
    assert!(matches!(create_dir(&world.inside().join("file")), Err(DiskError::NotA { .. })));
    assert!(matches!(create_new(&world.inside().join("file/x"), b"x", Access::Shared), Err(DiskError::NotA { .. })));
    assert_eq!(world.names(), ["dir", "file"]);
}

#[test]
fn a_batch_appears_whole_or_not_at_all() {
    let world = World::new();
    let lock = Lock::take(&world.inside()).unwrap();
    let fill = || {
        let mut batch = Batch::new(&lock, &world.inside().join("repository")).unwrap();
        batch.create("1.root.json", b"root").unwrap();
        let copied = batch.copy("targets/a/file", &world.inside().join("file"), 99).unwrap();
        assert_eq!(copied, Measured { length: 7, sha256: Digest::of(b"content") });
        batch
    };
    let files = || tree(&world.inside().join("repository"), 99).unwrap();
    drop(fill());
    assert_eq!(fs::read_dir(world.path("inside/repository")).unwrap().count(), 0);
    // As if the process had been killed.
    std::mem::forget(fill());
    assert_eq!(files(), Vec::<String>::new());
    fill().commit().unwrap();
    assert_eq!(files(), ["1.root.json", "targets/a/file"]);
    assert_eq!(fs::read_dir(world.path("inside/repository")).unwrap().count(), 2);
    assert!(matches!(fill().commit(), Err(DiskError::Exists { .. })));
    assert_eq!(files(), ["1.root.json", "targets/a/file"]);

    fill().commit_as("copy").unwrap();
    assert_eq!(read(&world.inside().join("repository/copy/targets/a/file"), 9).unwrap(), b"content");
    assert!(matches!(fill().commit_as("copy"), Err(DiskError::Exists { .. })));
    assert!(matches!(fill().commit_as("../out"), Err(DiskError::Name { .. })));
    assert_eq!(fs::read_dir(world.path("inside/repository")).unwrap().count(), 3);
}

#[test]
fn a_batch_adds_to_what_is_there() {
    let world = World::new();
    let lock = Lock::take(&world.inside()).unwrap();
    for path in ["targets/a/one", "targets/a/two", "targets/b/three", "targets/four"] {
        let mut batch = Batch::new(&lock, &world.inside()).unwrap();
        batch.create(path, path.as_bytes()).unwrap();
        batch.commit().unwrap();
    }
    let all = ["a/one", "a/two", "b/three", "four"];
    assert_eq!(tree(&world.inside().join("targets"), 99).unwrap(), all);
    // A file where a directory should be stays.
    let mut batch = Batch::new(&lock, &world.inside()).unwrap();
    batch.create("targets/four/five", b"").unwrap();
    assert!(batch.commit().is_err());
    assert_eq!(tree(&world.inside().join("targets"), 99).unwrap(), all);
}

#[test]
fn what_is_present_is_measured() {
    let world = World::new();
    let mut present = Present::default();
    let mut hash = |path: &str| present.hash(&world.inside().join(path), 99);
    let content = Measured { length: 7, sha256: Digest::of(b"content") };
    assert_eq!(hash("file").unwrap(), Some(content));
    assert_eq!(hash("other").unwrap(), None);
    assert_eq!(hash("nowhere/file").unwrap(), None);
    assert_eq!(hash("nowhere/other").unwrap(), None);
    assert_eq!(hash("file").unwrap(), Some(content));
    symlink(world.path("outside"), world.path("inside/link")).unwrap();
    assert!(matches!(hash("link"), Err(DiskError::Symlink { .. })));
    assert!(matches!(hash("link/file"), Err(DiskError::Symlink { .. })));
}

#[test]
fn a_batch_goes_through_no_link() {
    let world = World::new();
    let lock = Lock::take(&world.inside()).unwrap();
    symlink(world.path("outside"), world.path("inside/targets")).unwrap();
    let mut batch = Batch::new(&lock, &world.inside()).unwrap();
    batch.create("targets/new", b"x").unwrap();
    assert!(matches!(batch.create("../new", b"x"), Err(DiskError::Name { .. })));
    assert!(matches!(batch.create("a/../../new", b"x"), Err(DiskError::Name { .. })));
    assert!(matches!(batch.commit(), Err(DiskError::Symlink { .. })));
    assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 1);
    // What lies where a batch is made is taken away, never followed.
    symlink(world.path("outside"), world.path("inside/.trustroot-new")).unwrap();
    drop(Batch::new(&lock, &world.inside()));
    assert_eq!(fs::read(world.path("outside/secret")).unwrap(), b"secret");
}

#[test]
fn one_process_has_the_lock() {
    let world = World::new();
    let lock = Lock::take(&world.inside()).unwrap();
    let error = Lock::take(&world.inside()).unwrap_err();
    assert!(error.to_string().ends_with(&format!("is in use by process {}", std::process::id())), "{error}");
    let start = Instant::now();
    assert!(Lock::take_within(&world.inside(), Duration::from_millis(50)).is_err());
    assert!(start.elapsed() >= Duration::from_millis(50));
    drop(lock);
    assert_eq!(world.names(), ["file"]);
    let waiting = std::thread::scope(|scope| {
        let lock = Lock::take(&world.inside()).unwrap();
        let waiting = scope.spawn(|| Lock::take_within(&world.inside(), Duration::from_secs(20)));
        std::thread::sleep(Duration::from_millis(20));
        drop(lock);
        waiting.join().unwrap()
    });
    drop(waiting.unwrap());
    symlink(world.path("outside/secret"), world.path("inside/.trustroot.lock")).unwrap();
    assert!(matches!(Lock::take(&world.inside()), Err(DiskError::Symlink { .. })));
    assert_eq!(fs::read(world.path("outside/secret")).unwrap(), b"secret");
}
