//! `infra/package.sh`: a package is made as a whole, or what was there stays.

use std::fs;

use super::super::zip::{entries, unpack};
use super::Stage;

#[test]
fn it_is_built_with_a_toolchain_whose_path_has_a_blank() {
    let stage = Stage::fine();
    let ended = stage.run("package.sh", &[]);
    ended.is_fine().says(&["bytes, of which the program has"]);
    let made = stage.path("target/tether.zip");
    assert_eq!(ended.out, format!("{}\n", made.display()));
    let names: Vec<_> = entries(&made).into_iter().map(|entry| (entry.name, entry.mode)).collect();
    assert!(names.contains(&("tether".into(), 0o100_755)), "{names:?}");
    assert!(names.contains(&("command-received/function.json".into(), 0o100_644)), "{names:?}");
    assert_eq!(fs::read_dir(stage.path("target")).unwrap().count(), 2, "and the build's folder");
}

#[test]
fn the_older_package_stays_when_a_new_one_cannot_be_made() {
    let stage = Stage::fine();
    stage.run("package.sh", &[]).is_fine();
    let before = fs::read(stage.path("target/tether.zip")).unwrap();
    stage.write("bad.yaml", "owner: other\nmode: observ\nrules: []\n");
    stage
        .run("package.sh", &["bad.yaml"])
        .refuses(&["observ", "package: this policy is not packed"]);
    stage.tool("zip", "exit 15");
    stage.run("package.sh", &["policy.yaml"]).refuses(&["package: zip could not make the package"]);
    stage.tool("cargo", "echo 'error: no' >&2; exit 101");
    let ended = stage.run("package.sh", &["policy.yaml"]);
    assert_ne!(ended.says(&["error: no"]).code, Some(0));
    assert!(fs::read(stage.path("target/tether.zip")).unwrap() == before, "it was changed");
}

#[test]
fn what_is_made_takes_the_place_of_nothing_that_runs() {
    let stage = Stage::deployed();
    let before = fs::read(stage.path("target/deployed.zip")).unwrap();
    stage.write("other.yaml", "owner: other\nmode: observe\nrules: []\n");
    stage.run("package.sh", &["other.yaml"]).is_fine();
    stage.run("package.sh", &["--from", "target/deployed.zip", "other.yaml"]).is_fine();
    assert!(fs::read(stage.path("target/deployed.zip")).unwrap() == before, "it was changed");
    let set = [("OUT", "new folder/new.zip")];
    stage.run_with("package.sh", &["--from", "target/tether.zip", "other.yaml"], &set).is_fine();
    for made in ["target/tether.zip", "new folder/new.zip"] {
        let policy = unpack(&stage.path(made)).join("policy.yaml");
        assert!(fs::read_to_string(policy).unwrap().starts_with("owner: other"), "{made}");
    }
}

#[test]
fn what_is_no_package_is_called_so() {
    let stage = Stage::fine();
    stage.write("text.zip", "no zip");
    let set = [("OUT", "new.zip")];
    let ended = stage.run_with("package.sh", &["--from", "text.zip"], &set);
    let expected = format!("package: {} is no package of tether", stage.path("text.zip").display());
    ended.refuses(&[&expected]);
    assert_eq!(ended.said.lines().count(), 1, "{}", ended.said);
    let missing = format!("package: there is no policy file {}", stage.path("none.yaml").display());
    stage.run("package.sh", &["none.yaml"]).refuses(&[&missing]);
    stage.without(&["zip"]);
    stage.run("package.sh", &[]).refuses(&["package: needs zip"]);
}
