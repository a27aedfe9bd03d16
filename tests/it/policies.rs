//! `tether policy` as a person runs it: a gallery of files that cannot be used or can hardly be meant,
//! each with the exact words that it is answered with. `UPDATE_EXPECT=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use uuid::Uuid;

use super::program::check_in_readme;

fn tether(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tether"));
    command.args(arguments).env_clear().current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// Every policy of a folder, with the answer beside it
fn gallery(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// Checks each file of a folder, and says how many there are.
fn check_gallery(folder: &str, code: i32) -> usize {
    let files = gallery(folder);
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let output = tether(file.parent().unwrap(), &["policy", "check", name]);
        assert_eq!(output.status.code(), Some(code), "{name}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{name}");
        let lines: Vec<&str> = text(&output.stderr).lines().map(str::trim_end).collect();
        let told = lines.join("\n") + "\n";
        let expected = file.with_extension("txt");
        #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, fs::read_to_string(&expected).unwrap_or_default(), "{name}:\n{told}");
    }
    files.len()
}

#[test]
fn a_policy_that_cannot_be_used_is_told_in_these_words() {
    assert!(check_gallery("broken", 1) >= 25);
}

#[test]
fn the_readme_shows_a_broken_policy_and_what_is_said_of_it() {
    let folder = shipped();
    let readme = include_str!("../../README.md");
    let broken = readme.split("$ cat broken.yaml\n").nth(1).unwrap();
    fs::write(folder.join("broken.yaml"), broken.split("$ ").next().unwrap()).unwrap();
    let output = tether(&folder, &["policy", "check", "broken.yaml"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    check_in_readme("tether policy check broken.yaml", text(&output.stderr));
}

#[test]
fn a_policy_that_can_hardly_be_meant_is_told_in_these_words() {
    assert!(check_gallery("doubtful", 0) >= 6);
}

#[test]
fn warnings_fail_a_strict_check_and_quiet_leaves_them_out() {
    let doubtful = gallery("doubtful");
    let (folder, name) = (doubtful[0].parent().unwrap(), doubtful[0].to_str().unwrap());
    let strict = tether(folder, &["policy", "check", "--strict", name]);
    assert_eq!(strict.status.code(), Some(1));
    let quiet = tether(folder, &["policy", "check", "--quiet", name]);
    assert_eq!((quiet.status.code(), text(&quiet.stderr)), (Some(0), ""));
    assert!(text(&quiet.stdout).contains("1 warning(s); it can be used"));
}

/// A new folder with the policy that ships, with an owner, and its cases
fn shipped() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    fs::create_dir_all(&folder).unwrap();
    let policy = include_str!("../../policy.yaml").replace("change-me", "contoso-production");
    fs::write(folder.join("policy.yaml"), policy).unwrap();
    let cases = include_str!("../../policy.tests.yaml");
    fs::write(folder.join("policy.tests.yaml"), cases).unwrap();
    folder
}

#[test]
fn the_policy_that_ships_passes_its_cases() {
    let output = tether(&shipped(), &["policy", "test", "policy.yaml"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let stdout = text(&output.stdout);
    assert!(stdout.ends_with("6 of 6 cases come out as they should\n"), "{stdout}");
    check_in_readme("tether policy test policy.yaml", stdout);
    assert!(!stdout.contains('\u{1b}'));
}

#[test]
fn a_case_that_comes_out_otherwise_ends_with_1_and_says_why() {
    let folder = shipped();
    let cases = "cases:
  - name: billing gets what shop has
    cluster: { name: aks-billing, tags: { acr-attach: auto, team: billing } }
    registries:
      - { name: acrshop, tags: { acr-attach: auto, team: shop } }
      - { name: acrbilling, tags: { acr-attach: auto, team: billing } }
    attached: [acrshop]
";
    fs::write(folder.join("other.yaml"), cases).unwrap();
    let output = tether(&folder, &["policy", "test", "policy.yaml", "--cases", "other.yaml"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    let expected = "\
wrong  billing gets what shop has
  + acrshop should be attached: no rule wants it
      rule `named-registry`: not so: the cluster's tag `acr-attach` names the registry: the cluster's `acr-attach` is `auto`
      rule `same-team`: not so: the cluster's tag `team` equals the registry's tag `team`: the cluster's `team` is `billing`, the registry's `team` is `shop`
  - acrbilling should not be attached: rule `same-team` wants it
0 of 1 cases come out as they should
";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = tether(Path::new("/"), &["policy", "check", "/nowhere/policy.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("tether: cannot read `/nowhere/policy.yaml`: "), "{stderr}");
    let alone = gallery("doubtful").remove(0);
    let output = tether(Path::new("/"), &["policy", "test", alone.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("there are no cases") && stderr.contains("--cases"), "{stderr}");
    assert!(stderr.contains(".tests.yaml`: No such file"), "{stderr}");
}
