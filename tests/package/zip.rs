//! A zip's directory, read by hand, since what matters here is what most libraries hide.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the directory says of one file
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The kind of system that made it; 3 is Unix
    pub(crate) host: u8,
    /// The mode on Unix
    pub(crate) mode: u32,
    /// Date and time as DOS writes them
    pub(crate) moment: u32,
    /// How many bytes of further attributes there are
    pub(crate) extra: u16,
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The files in the order of the directory
pub(crate) fn entries(zip: &Path) -> Vec<Entry> {
    let bytes = fs::read(zip).unwrap();
    let end = bytes.windows(4).rposition(|four| four == b"PK\x05\x06").expect("a zip ends so");
    let count = short(&bytes, end + 10);
    let mut at = long(&bytes, end + 16) as usize;
    (0..count)
        .map(|_| {
            assert_eq!(&bytes[at..at + 4], b"PK\x01\x02");
            let [name, extra, comment] = [28, 30, 32].map(|field| short(&bytes, at + field));
            let start = at + 46;
            let text = &bytes[start..start + usize::from(name)];
            let entry = Entry {
                name: String::from_utf8(text.to_vec()).unwrap(),
                host: bytes[at + 5],
                mode: long(&bytes, at + 38) >> 16,
                moment: long(&bytes, at + 12),
                extra,
            };
            at = start + [name, extra, comment].into_iter().map(usize::from).sum::<usize>();
            entry
        })
        .collect()
}

/// A new folder with everything in it, unpacked as any tool would
pub(crate) fn unpack(zip: &Path) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("package-{}-{number}", std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let status = Command::new("unzip").arg("-q").arg(zip).arg("-d").arg(&folder).status().unwrap();
    assert!(status.success(), "unzip: {status}");
    folder
}
