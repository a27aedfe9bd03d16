//! The file of what is under way: an assignment is noted before it is removed, and crossed out when its
//! successor is there. Whoever finds it not crossed out may have to make the successor.
//!
//! One line of JSON for each. Only what is under way is ever made from it, so an old file cannot bring
//! back what has been detached since.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{AssignmentName, GrantKey, Owner, Role};
use crate::plan::Adopt;

/// The file, and what it says is under way
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Made with the first line that is written
    file: Option<File>,
    begun: BTreeMap<Uuid, Begun>,
}

/// An adoption of one assignment that was begun
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) to: Owner,
    pub(super) item: Adopt,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Line {
    #[serde(rename_all = "camelCase")]
    Begin {
        owner: String,
        registry: String,
        principal: String,
        role: Uuid,
        old_name: Uuid,
        description: String,
    },
    End(Uuid),
}

impl Record {
    /// Reads the file, if it is there, and keeps others from it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut state = State { file: None, begun: BTreeMap::new() };
        match OpenOptions::new().read(true).append(true).open(path) {
            Ok(mut file) => {
                lock(&file, path)?;
                let text =
                    whole_lines(&mut file).with_context(|| format!("cannot read `{shown}`"))?;
                for (number, line) in text.lines().enumerate() {
                    let read = serde_json::from_str(line).map_err(anyhow::Error::from);
                    let read = read.and_then(|line| state.take(line));
                    read.with_context(|| format!("line {} of `{shown}` is no record", number + 1))?;
                }
                state.file = Some(file);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot open `{shown}`")),
        }
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is under way
    pub(super) fn begun(&self) -> Vec<Begun> {
        self.state().begun.values().cloned().collect()
    }

    /// Notes that an assignment is about to be removed. When this returns, it is on the disk.
    pub(super) fn begin(&self, to: &Owner, item: &Adopt) -> anyhow::Result<()> {
        let Adopt { grant, from, description, .. } = item;
        let line = Line::Begin {
            owner: to.to_string(),
            registry: grant.registry.to_string(),
            principal: grant.principal.to_string(),
            role: grant.role.guid(),
            old_name: from.0,
            description: description.clone(),
        };
        self.state().write(line, &self.path)
    }

    /// Crosses an assignment out: its successor is there, or need not be.
    pub(super) fn end(&self, item: &Adopt) -> anyhow::Result<()> {
        if !self.state().begun.contains_key(&item.to.0) {
            return Ok(());
        }
        self.state().write(Line::End(item.to.0), &self.path)
    }

    /// Removes the file if nothing is under way any more.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let mut state = self.state();
        if !state.begun.is_empty() || state.file.take().is_none() {
            return Ok(());
        }
        fs::remove_file(&self.path)
            .with_context(|| format!("cannot remove `{}`", self.path.display()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, line: Line, path: &Path) -> anyhow::Result<()> {
        let writing = || format!("cannot write to `{}`", path.display());
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        if self.file.is_none() {
            let file = OpenOptions::new().read(true).append(true).create_new(true).open(path);
            let file = file.with_context(writing)?;
            lock(&file, path)?;
            // So that the file itself outlives a power cut; where folders cannot be opened, it does.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(text.as_bytes()).with_context(writing)?;
            file.sync_data().with_context(writing)?;
        }
        self.take(line)
    }

    fn take(&mut self, line: Line) -> anyhow::Result<()> {
        match line {
            Line::Begin { owner, registry, principal, role, old_name, description } => {
                let to: Owner = owner.parse()?;
                let role = Role::from_definition_id(&role.to_string());
                let role = role.ok_or_else(|| anyhow!("the role is none that grants pulling"))?;
                let grant =
                    GrantKey { registry: registry.parse()?, principal: principal.parse()?, role };
                let name = AssignmentName::new(&to, &grant);
                let from = AssignmentName(old_name);
                let item = Adopt { grant, from, to: name, description };
                self.begun.insert(name.0, Begun { to, item });
            }
            Line::End(name) => {
                self.begun.remove(&name);
            }
        }
        Ok(())
    }
}

fn lock(file: &File, path: &Path) -> anyhow::Result<()> {
    // Some file systems know no locks; the record is right without one, too.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        bail!("another `tether adopt` is at work with `{}`", path.display());
    }
    Ok(())
}

/// The text up to its last line break. What stands after it was cut off while it was written, and
/// nothing is removed before its line is whole.
fn whole_lines(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut text)?;
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    if end < text.len() {
        file.set_len(u64::try_from(end).unwrap_or_default())?;
        text.truncate(end);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> PathBuf {
        std::env::temp_dir().join(format!("tether-adopt-{}.jsonl", Uuid::new_v4()))
    }

    fn owner() -> Owner {
        "contoso".parse().unwrap()
    }

    fn item(number: u128) -> Adopt {
        let registry = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1";
        let principal = Uuid::from_u128(number).to_string().parse().unwrap();
        let grant =
            GrantKey { registry: registry.parse().unwrap(), principal, role: Role::AcrPull };
        let to = AssignmentName::new(&owner(), &grant);
        let from = AssignmentName(Uuid::from_u128(900 + number));
        Adopt { grant, from, to, description: "tether/1 \"pin\"\n".to_owned() }
    }

    fn begun(path: &Path) -> Vec<Adopt> {
        let record = Record::open(path).unwrap();
        record.begun().into_iter().map(|begun| begun.item).collect()
    }

    #[test]
    fn what_was_begun_is_found_again_until_it_is_crossed_out() {
        let path = path();
        let record = Record::open(&path).unwrap();
        for number in [1, 2] {
            record.begin(&owner(), &item(number)).unwrap();
        }
        record.end(&item(1)).unwrap();
        record.end(&item(3)).unwrap();
        record.finish().unwrap();
        drop(record);
        assert_eq!(begun(&path), [item(2)]);
        let record = Record::open(&path).unwrap();
        record.end(&item(2)).unwrap();
        record.finish().unwrap();
        assert!(!path.exists());
        assert_eq!(begun(&path), []);
        assert!(!path.exists(), "looking makes no file");
    }

    #[test]
    fn a_line_that_was_cut_off_is_as_if_it_had_not_been_begun() {
        let path = path();
        Record::open(&path).unwrap().begin(&owner(), &item(1)).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"begin\":{{\"own")).unwrap();
        assert_eq!(begun(&path), [item(1)]);
        Record::open(&path).unwrap().begin(&owner(), &item(2)).unwrap();
        assert_eq!(begun(&path).len(), 2);
        fs::write(&path, format!("nonsense\n{whole}")).unwrap();
        let error = Record::open(&path).unwrap_err().to_string();
        assert!(error.contains("line 1 of"), "{error}");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn two_at_once_do_not_share_a_file() {
        let path = path();
        let record = Record::open(&path).unwrap();
        record.begin(&owner(), &item(1)).unwrap();
        let error = Record::open(&path).unwrap_err().to_string();
        assert!(error.contains("another `tether adopt` is at work"), "{error}");
        fs::remove_file(&path).unwrap();
    }
}
