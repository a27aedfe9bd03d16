//! What a script did to Azure, and what Azure does next.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::Stage;

impl Stage {
    /// What `az` was asked for, one line a call
    pub(super) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.azure().join("calls.jsonl")).unwrap_or_default();
        let words = |line: &str| serde_json::from_str::<Vec<String>>(line).unwrap().join(" ");
        text.lines().map(words).collect()
    }

    /// Those of them that may change something
    pub(super) fn changes(&self) -> Vec<String> {
        let changes = |call: &String| {
            let words: Vec<&str> =
                call.split(' ').take_while(|word| !word.starts_with('-')).collect();
            let verb = words.last().copied().unwrap_or_default();
            ["create", "update", "delete", "config-zip", "stop", "restart"].contains(&verb)
        };
        self.calls().into_iter().filter(changes).collect()
    }

    pub(super) fn world(&self) -> Value {
        let text = fs::read_to_string(self.azure().join("world.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Changes the world behind the back of whoever runs scripts.
    pub(super) fn change_world(&self, change: impl FnOnce(&mut Value)) {
        let mut world = self.world();
        change(&mut world);
        fs::write(self.azure().join("world.json"), world.to_string()).unwrap();
    }

    /// Has `az` fail this way when it is next asked for something that fits.
    pub(super) fn fail(&self, fits: &str, times: u32, stderr: &str) {
        let rule = json!({ "match": fits, "times": times, "code": 1, "stderr": stderr });
        self.change_world(|world| world["faults"].as_array_mut().unwrap().push(rule));
    }

    /// The same, but what was asked for is done all the same.
    pub(super) fn fail_after(&self, fits: &str, stderr: &str) {
        let rule = json!({ "match": fits, "code": 1, "stderr": stderr, "after": true });
        self.change_world(|world| world["faults"].as_array_mut().unwrap().push(rule));
    }

    pub(super) fn sign_out(&self) {
        self.change_world(|world| world["signedIn"] = false.into());
    }

    /// The name of the function app
    pub(super) fn app(&self) -> String {
        let world = self.world();
        let names: Vec<&String> = world["apps"].as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        names[0].clone()
    }

    /// Whether the package that Azure has holds this policy
    pub(super) fn runs(&self, policy: &str) -> bool {
        let package = &self.world()["apps"][&self.app()]["package"]["policySha256"];
        let path = self.folder.join("compared.yaml");
        fs::write(&path, policy).unwrap();
        let output = Command::new("sha256sum").arg(path).output().unwrap();
        let sum = String::from_utf8(output.stdout).unwrap();
        *package == *sum.split(' ').next().unwrap()
    }

    /// Says that az's parser refuses a line here, as it should.
    pub(super) fn is_refused_by_az(&self) {
        fs::write(self.folder.join("refused-by-az"), "").unwrap();
    }

    /// How often a script waited
    pub(super) fn waits(&self) -> usize {
        fs::read_to_string(self.folder.join("slept")).unwrap_or_default().lines().count()
    }

    /// What the program and cargo were called with
    pub(super) fn programs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("programs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
