//! The scripts of `infra`, each in a clone of its own, with an `az` that records what it is asked for
//! and answers as the real one (`tests/package/az.py`).

mod change;
mod deploy;
mod documents;
mod estate;
mod guards;
mod packing;
mod policy;
mod portable;
mod refusals;
mod remains;
mod removal;
mod seen;
mod steps;

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::tests::{package, root};
use super::told::told;
use super::zip::unpack;

/// The subscription that is set, which tether is put into, and another one of the same tenant
const SUB: &str = "11111111-1111-1111-1111-111111111111";
const OTHER: &str = "22222222-2222-2222-2222-222222222222";

const POLICY: &str = "owner: contoso\nmode: observe\nrules: []\n";

/// What the scripts may call: nothing else is on their PATH, so nothing of this machine helps them.
const TOOLS: [&str; 31] = [
    "basename",
    "bash",
    "cat",
    "chmod",
    "cp",
    "cut",
    "date",
    "dirname",
    "env",
    "find",
    "grep",
    "head",
    "install",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sort",
    "tail",
    "touch",
    "tr",
    "true",
    "uname",
    "uniq",
    "unzip",
    "wc",
    "xargs",
    "zip",
];

/// Stands for the program in packages of these tests: the policy is checked by the real one, and a
/// file says what `check-install` finds.
fn program(real: &Path, folder: &Path) -> String {
    format!(
        "#!/bin/sh\necho \"tether $*\" >>'{folder}/programs'\ncase $1 in\n  policy) exec '{real}' \"$@\" ;;\n  \
         check-install) cat '{folder}/found' 2>/dev/null; exit \"$(cat '{folder}/found-code' 2>/dev/null || echo 0)\" ;;\n  \
         *) exit 9 ;;\nesac\n",
        real = real.display(),
        folder = folder.display()
    )
}

/// The program of the package, unpacked once for all tests
fn real_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| unpack(&package()).join("tether"))
}

/// A Python with `jmespath`, which the recording `az` reads queries with
fn python() -> PathBuf {
    let venv = root().join("target/ci-venv/bin/python");
    told("TETHER_PYTHON").unwrap_or(if venv.exists() { venv } else { "python3".into() })
}

/// A folder with the recording `az` in it, where Python may put what it compiles
fn recording_az() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let name = format!("az-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(root().join("tests/package/az.py"), folder.join("az.py")).unwrap();
        folder
    })
}

/// Azure, a clone of tether, and a shell
pub(super) struct Stage {
    folder: PathBuf,
}

/// How a script ended
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) said: String,
    pub(super) out: String,
}

impl Stage {
    /// With this on top of a world in which everything is as it should be
    pub(super) fn new(world: &Value) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("stage-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let stage = Self { folder };
        stage.lay_clone();
        stage.lay_tools();
        let made = Command::new(python())
            .arg(root().join("tests/package/az.py"))
            .args(["--new", stage.azure().to_str().unwrap(), &world.to_string()])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        stage
    }

    pub(super) fn fine() -> Self {
        Self::new(&json!({}))
    }

    /// With two subscriptions, both of the estate; this is changed in the second
    pub(super) fn two(second: &Value) -> Self {
        let mut other = json!({ "id": OTHER, "name": "Sandbox" });
        other.as_object_mut().unwrap().extend(second.as_object().unwrap().clone());
        let stage = Self::new(&json!({ "subscriptions": [{ "id": SUB }, other] }));
        stage.parameter("subscriptions", &json!([SUB, OTHER]));
        stage
    }

    /// A stage with tether deployed
    pub(super) fn deployed() -> Self {
        let stage = Self::fine();
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
        stage
    }

    fn azure(&self) -> PathBuf {
        self.folder.join("azure")
    }

    /// A path with a blank in it, as people have them
    pub(super) fn clone(&self) -> PathBuf {
        self.folder.join("a clone")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.clone().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Changes the parameters of the first deployment.
    pub(super) fn parameter(&self, name: &str, value: &Value) {
        self.change_file("infra/parameters.json", name, value);
    }

    pub(super) fn events_parameter(&self, name: &str, value: &Value) {
        self.change_file("infra/events.parameters.json", name, value);
    }

    fn change_file(&self, file: &str, name: &str, value: &Value) {
        let mut all: Value = serde_json::from_str(&self.read(file)).unwrap();
        all["parameters"][name] = json!({ "value": value });
        self.write(file, &all.to_string());
    }

    fn lay_clone(&self) {
        fs::create_dir_all(self.clone()).unwrap();
        for what in ["infra", "function-definitions"] {
            let from = root().join(what);
            let copied = Command::new("cp").arg("-R").arg(from).arg(self.clone()).status().unwrap();
            assert!(copied.success());
        }
        fs::copy(root().join("host.json"), self.path("host.json")).unwrap();
        self.write("policy.yaml", POLICY);
    }

    fn lay_tools(&self) {
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        for tool in TOOLS {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found.iter().find(|path| path.exists());
            symlink(found.unwrap_or_else(|| panic!("needs {tool}")), bin.join(tool)).unwrap();
        }
        if let Some(bash) = told::<PathBuf>("TETHER_BASH") {
            fs::remove_file(bin.join("bash")).unwrap();
            symlink(bash, bin.join("bash")).unwrap();
        }
        let folder = self.folder.display();
        // Imported and not run, Python keeps it compiled.
        let run = format!(
            "import sys; sys.path.insert(0, \"{}\"); import az; sys.exit(az.main(sys.argv[1:]))",
            recording_az().display()
        );
        let az =
            format!("FAKE_AZ='{folder}/azure' exec '{}' -c '{run}' \"$@\"", python().display());
        self.tool("az", &az);
        // Nothing here takes a minute.
        self.tool("sleep", &format!("echo \"$1\" >>'{folder}/slept'"));
        self.tool("kubectl", "cat >/dev/null");
        let stand_in = self.folder.join("stand-in");
        fs::write(&stand_in, program(real_program(), &self.folder)).unwrap();
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
        self.tool("musl-gcc", "exit 9");
        fs::create_dir_all(self.folder.join("tool chain")).unwrap();
        self.tool("rustc", &format!("echo '{folder}/tool chain'"));
        self.tool(
            "cargo",
            &format!(
                "echo \"cargo $*\" >>'{folder}/programs'\ncase $1 in\n  run) while [ \"$1\" != -- ]; do shift; done; shift; exec '{folder}/stand-in' \"$@\" ;;\n  \
                 build) mkdir -p target/x86_64-unknown-linux-musl/release && cp '{folder}/stand-in' target/x86_64-unknown-linux-musl/release/tether ;;\n  *) exit 9 ;;\nesac"
            ),
        );
    }

    /// Puts a program on the PATH of the scripts.
    pub(super) fn tool(&self, name: &str, text: &str) {
        let path = self.folder.join("bin").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Has a program do something before what it does.
    pub(super) fn before(&self, name: &str, text: &str) {
        let path = self.folder.join("bin").join(name);
        let script = fs::read_to_string(&path).unwrap();
        let (first, rest) = script.split_once('\n').unwrap();
        fs::write(path, format!("{first}\n{text}{rest}")).unwrap();
    }

    pub(super) fn without(&self, tools: &[&str]) {
        for tool in tools {
            fs::remove_file(self.folder.join("bin").join(tool)).unwrap();
        }
    }

    /// Makes `check-install` find this.
    pub(super) fn check_finds(&self, text: &str, code: i32) {
        fs::write(self.folder.join("found"), text).unwrap();
        fs::write(self.folder.join("found-code"), code.to_string()).unwrap();
    }

    /// A package outside the clone, with this policy
    pub(super) fn package(&self, name: &str, policy: &str) -> PathBuf {
        self.write("packed.yaml", policy);
        let out = self.folder.join(name);
        let ended =
            self.run_with("package.sh", &["packed.yaml"], &[("OUT", out.to_str().unwrap())]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        out
    }

    pub(super) fn run(&self, script: &str, arguments: &[&str]) -> Ended {
        self.run_with(script, arguments, &[])
    }

    /// Runs a script from the clone's folder, without a terminal.
    pub(super) fn run_with(&self, script: &str, arguments: &[&str], set: &[(&str, &str)]) -> Ended {
        let mut command = self.shell(self.path("infra").join(script), set);
        command.args(arguments);
        ended(command)
    }

    /// Runs a script on a terminal, on which this is typed.
    pub(super) fn run_on_terminal(&self, script: &str, arguments: &[&str], typed: &str) -> Ended {
        let words = arguments.join(" ");
        self.type_on_terminal(&format!("infra/{script} {words}"), typed)
    }

    /// Runs lines on a terminal, and answers what is asked there.
    pub(super) fn type_on_terminal(&self, lines: &str, typed: &str) -> Ended {
        let typed_lines = self.folder.join("lines");
        fs::write(&typed_lines, format!("set -euo pipefail\n{lines}\n")).unwrap();
        let line = format!("bash '{}'", typed_lines.display());
        let mut command = self.shell("/usr/bin/script", &[]);
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        Ended { code: output.status.code(), said, out: String::new() }
    }

    /// Runs lines as a person types them into a shell in the clone.
    pub(super) fn type_in(&self, lines: &str) -> Ended {
        let mut command = self.shell("bash", &[]);
        command.args(["-euo", "pipefail", "-c", lines]);
        ended(command)
    }

    /// A program that sees these variables, the tools of this stage, and nothing else of this machine
    fn shell(&self, program: impl AsRef<OsStr>, set: &[(&str, &str)]) -> Command {
        let mut command = Command::new("/usr/bin/env");
        command.arg("-i").arg(format!("PATH={}", self.folder.join("bin").display()));
        command.arg(format!("HOME={}", self.folder.display())).arg("SHELL=/bin/sh");
        command.args(set.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(program).current_dir(self.clone());
        command
    }
}

impl Drop for Stage {
    /// Every line that reached `az` is kept for the real one to parse, and none was unknown to ours.
    fn drop(&mut self) {
        let kept = root().join("target/az-calls");
        fs::create_dir_all(&kept).unwrap();
        let name = self.folder.file_name().unwrap().to_str().unwrap();
        let calls = self.azure().join("calls.jsonl");
        if calls.exists() && !self.folder.join("refused-by-az").exists() {
            fs::copy(calls, kept.join(format!("{name}.jsonl"))).unwrap();
        }
        if !std::thread::panicking() {
            let unknown = fs::read_to_string(self.azure().join("unknown")).unwrap_or_default();
            assert_eq!(unknown, "", "az was asked for what it does not know");
            fs::remove_dir_all(&self.folder).unwrap();
        }
    }
}

fn ended(mut command: Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let [said, out] = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap());
    Ended { code: output.status.code(), said, out }
}

impl Ended {
    #[track_caller]
    pub(super) fn is_fine(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.said, self.out);
        self
    }

    /// Ended with 1, and said all of this
    #[track_caller]
    pub(super) fn refuses(&self, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(1), "{}\n{}", self.said, self.out);
        self.says(words)
    }

    #[track_caller]
    pub(super) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.said.contains(word), "it does not say `{word}`:\n{}", self.said);
        }
        self
    }

    #[track_caller]
    pub(super) fn does_not_say(&self, word: &str) -> &Self {
        assert!(!self.said.contains(word), "it says `{word}`:\n{}", self.said);
        self
    }
}
