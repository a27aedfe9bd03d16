//! What a Linux program needs before it starts, read from its headers.

/// The parts of a program's headers that matter
#[derive(Debug)]
pub(crate) struct Elf {
    /// Whether another program has to load it
    pub(crate) interpreter: bool,
    /// How many libraries it names
    pub(crate) libraries: usize,
    /// The `28` of the newest `GLIBC_2.28` that it asks for; 0 for none
    pub(crate) glibc: u32,
}

const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;

/// Marks a library in the dynamic section
const NEEDED: u64 = 1;

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

impl Elf {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        assert_eq!(&bytes[..6], b"\x7fELF\x02\x01", "a 64-bit little-endian program");
        assert_eq!(number(bytes, 18, 2), 62, "for x86-64");
        let place = |at, size| usize::try_from(number(bytes, at, size)).unwrap();
        let (start, size, count) = (place(32, 8), place(54, 2), place(56, 2));
        let headers = (0..count).map(|index| start + index * size);
        let kind = |header: &usize| u32::try_from(number(bytes, *header, 4)).unwrap();
        let interpreter = headers.clone().any(|header| kind(&header) == INTERPRETER);
        let dynamic = headers.clone().find(|header| kind(header) == DYNAMIC);
        let libraries = dynamic.map_or(0, |header| {
            let (offset, length) = (place(header + 8, 8), place(header + 32, 8));
            let tags = (offset..offset + length).step_by(16).map(|at| number(bytes, at, 8));
            tags.filter(|tag| *tag == NEEDED).count()
        });
        let versions = bytes.windows(10).filter(|ten| ten.starts_with(b"GLIBC_2."));
        let glibc = versions.filter_map(|ten| {
            let digits: String = ten[8..]
                .iter()
                .map(|byte| char::from(*byte))
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse().ok()
        });
        Self { interpreter, libraries, glibc: glibc.max().unwrap_or(0) }
    }
}
