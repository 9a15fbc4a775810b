//! Which modules the system configures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::modules::ModuleError;

/// What the `*.module` files of p11-kit say: the libraries to load, and the files that could not be followed.
#[derive(Debug, Default)]
pub struct Configured {
    /// Absolute paths of libraries, in the order of the names of their files.
    pub libraries: Vec<PathBuf>,
    /// What was not understood.
    pub problems: Vec<ModuleError>,
}

/// Reads the `*.module` files of `directories` (p11-kit, pkcs11.conf(5)). A file in a later directory changes the
/// settings of the file with its name in an earlier one. Relative names of libraries are looked for in `libraries`.
///
/// Modules that p11-kit runs as a program are not followed: this program runs none. Modules that hold certificates to
/// trust, and no keys, are left out.
pub fn configured(directories: &[&Path], libraries: &[&Path]) -> Configured {
    let mut found = Configured::default();
    let mut files: BTreeMap<PathBuf, (PathBuf, BTreeMap<String, String>)> = BTreeMap::new();
    for directory in directories {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                found.problems.push(ModuleError::Unreadable { path: directory.to_path_buf(), kind: error.kind() });
                continue;
            }
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_none_or(|extension| extension != "module") {
                continue;
            }
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
                    let (file, settings) = files.entry(name).or_default();
                    settings.extend(parse(&text));
                    *file = path;
                }
                Err(error) => found.problems.push(ModuleError::Unreadable { path, kind: error.kind() }),
            }
        }
    }
    for (path, settings) in files.into_values() {
        let set = |name: &str| settings.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let lists_us = |programs: &str| programs.split([',', ' ']).any(|program| program == "trustroot");
        let disabled = set("disable-in").is_some_and(lists_us)
            || set("enable-in").is_some_and(|programs| !lists_us(programs))
            || set("trust-policy") == Some("yes");
        if disabled {
            continue;
        }
        if set("remote").is_some() {
            found.problems.push(ModuleError::Remote { path });
            continue;
        }
        let Some(library) = set("module") else { continue };
        if Path::new(library).is_absolute() {
            found.libraries.push(library.into());
        } else if let Some(place) = libraries.iter().map(|place| place.join(library)).find(|place| place.exists()) {
            found.libraries.push(place);
        } else {
            found.problems.push(ModuleError::NotFound { path: library.into() });
        }
    }
    found
}

/// The settings of one file. p11-kit takes no line for an error either.
fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let settings = lines.filter_map(|line| line.split_once(':'));
    settings.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("trustroot-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn put(&self, name: &str, content: impl AsRef<[u8]>) {
            fs::write(self.0.join(name), content).unwrap();
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn module_files_are_followed_as_p11_kit_does() {
        let (package, system, place) = (Dir::new("package"), Dir::new("system"), Dir::new("place"));
        place.put("relative.so", "");
        package.put("a.module", "# a comment\n\nmodule: /lib/a.so\npriority: 3\n");
        package.put("b.module", "  module :  relative.so  \n");
        package.put("c.module", "module: gone.so\n");
        package.put("d.module", "module: /lib/d.so\ndisable-in: firefox, trustroot\n");
        package.put("e.module", "module: /lib/e.so\nenable-in: firefox\n");
        package.put("f.module", "module: /lib/f.so\nenable-in: firefox trustroot\n");
        package.put("g.module", "module: p11-kit-trust.so\ntrust-policy: yes\n");
        package.put("h.module", "remote: |/usr/bin/evil\n");
        package.put("i.module", "module: /lib/i.so\n");
        package.put("j.module", b"module: \xff\n");
        package.put("k.module", "module: /lib/k.so\n");
        package.put("readme.txt", "module: /lib/readme.so\n");
        system.put("i.module", "module: /lib/local-i.so\n");
        system.put("k.module", "module:\n");
        let found = configured(&[&package.0, Path::new("/nonexistent"), &system.0], &[Path::new("/none"), &place.0]);
        let relative = place.0.join("relative.so");
        let wanted = [Path::new("/lib/a.so"), &relative, Path::new("/lib/f.so"), Path::new("/lib/local-i.so")];
        assert_eq!(found.libraries, wanted);
        let problems: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("j.module"), "{problems:?}");
        assert!(problems[1].contains("gone.so"), "{problems:?}");
        assert!(problems[2].contains("h.module"), "{problems:?}");
    }
}
