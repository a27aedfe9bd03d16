//! The package that is deployed, as `infra/package.sh` made it: its layout and modes, its program, and
//! that it works unpacked. Run by `cargo test --test package`, after the script; `TETHER_PACKAGE` names
//! another package than `target/tether.zip`.

#[cfg(test)]
mod elf;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod soak;
#[cfg(test)]
#[path = "../it/told.rs"]
mod told;
#[cfg(test)]
mod works;
#[cfg(test)]
mod zip;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use tether::functions::NAMES;
    use tether::policy::Policy;

    use super::elf::Elf;
    use super::zip::{Entry, entries, unpack};

    pub(crate) fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    pub(crate) fn package() -> PathBuf {
        #[expect(clippy::disallowed_methods, reason = "a test is told by it what to test")]
        let named = std::env::var_os("TETHER_PACKAGE").map(PathBuf::from);
        let path = named.unwrap_or_else(|| root().join("target/tether.zip"));
        assert!(path.exists(), "{} is not there: run infra/package.sh first", path.display());
        path
    }

    #[test]
    fn it_holds_what_the_host_reads_and_nothing_else() {
        let mut expected = vec!["host.json".to_owned(), "policy.yaml".into(), "tether".into()];
        expected.extend(NAMES.map(|name| format!("{name}/function.json")));
        expected.sort();
        let found: Vec<String> =
            entries(&package()).into_iter().map(|Entry { name, .. }| name).collect();
        assert_eq!(found, expected, "in this order, so that two packages are the same");
    }

    #[test]
    fn modes_are_unix_ones_and_only_the_program_may_run() {
        for Entry { name, host, mode, .. } in entries(&package()) {
            assert_eq!(host, 3, "{name} was not made on Unix, so its mode does not count");
            let expected = if name == "tether" { 0o100_755 } else { 0o100_644 };
            assert_eq!(mode, expected, "{name} has mode {mode:o}");
        }
    }

    #[test]
    fn every_entry_has_the_same_moment_and_nothing_of_this_machine() {
        for Entry { name, moment, extra, .. } in entries(&package()) {
            // 1 January 2020, 00:00, as DOS writes it.
            assert_eq!((moment, extra), ((40 << 25) | (1 << 21) | (1 << 16), 0), "{name}");
        }
    }

    #[test]
    fn files_are_those_of_this_version_and_the_policy_can_be_used() {
        let folder = unpack(&package());
        let check = |packed: &str, source: &str| {
            let (packed, source) = (folder.join(packed), root().join(source));
            assert_eq!(fs::read(&packed).unwrap(), fs::read(&source).unwrap(), "{packed:?}");
        };
        check("host.json", "host.json");
        for name in NAMES {
            let file = format!("{name}/function.json");
            check(&file, &format!("function-definitions/{file}"));
        }
        let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
        Policy::parse("policy.yaml", &text).unwrap();
    }

    #[test]
    fn the_program_needs_nothing_of_the_hosts_image() {
        let elf = Elf::read(&fs::read(unpack(&package()).join("tether")).unwrap());
        if elf.interpreter {
            // The script said that it is one for an old C library.
            assert!(elf.glibc <= 28, "it needs glibc 2.{}", elf.glibc);
        } else {
            assert_eq!(elf.libraries, 0, "static, and yet it names libraries");
        }
    }

    #[test]
    fn the_program_has_no_pretend_world_and_no_path_of_this_machine() {
        let program = fs::read(unpack(&package()).join("tether")).unwrap();
        let holds =
            |words: &str| program.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(holds("FUNCTIONS_CUSTOMHANDLER_PORT"));
        for words in ["pretend Azure", ".cargo/registry", root().to_str().unwrap()] {
            assert!(!holds(words), "the program holds `{words}`");
        }
    }

    #[test]
    fn the_program_stops_at_a_wrong_number_instead_of_wrapping() {
        let program = fs::read(unpack(&package()).join("tether")).unwrap();
        // The words of the checks are there only if the checks are: the standard library has none.
        for operation in ["add", "subtract", "multiply"] {
            let words = format!("attempt to {operation} with overflow");
            let found = program.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(found, "nothing checks whether `{operation}` overflows");
        }
    }
}
