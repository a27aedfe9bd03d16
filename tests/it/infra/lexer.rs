//! Splits Bicep into words, texts and signs.

/// A part of a file, and where it stands: its line, and its first and last character
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) what: Word,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    Name(String),
    Number(i64),
    Text(Vec<Part>),
    Sign(&'static str),
    /// The end of a line
    End,
}

/// A part of a text: as it stands, or computed
#[derive(Clone, Debug)]
pub(super) enum Part {
    Plain(String),
    Made(Vec<Token>),
}

impl PartialEq for Part {
    /// Computed parts are compared where they are read.
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Plain(one), Self::Plain(other)) if one == other)
    }
}

/// Longer ones first
const SIGNS: [&str; 38] = [
    "...", "??", "==", "=~", "!=", "!~", "<=", ">=", "&&", "||", "=>", "::", ".?", "[?", "{", "}",
    "[", "]", "(", ")", ".", ",", ":", "=", "<", ">", "+", "-", "*", "/", "%", "!", "?", "@", "&",
    "|", "#", ";",
];

/// What could not be read, and its line
pub(super) type Problem = (usize, String);

pub(super) fn tokens(source: &[char]) -> Result<Vec<Token>, Problem> {
    Lexer { source, at: 0, line: 1 }.all(false)
}

struct Lexer<'a> {
    source: &'a [char],
    at: usize,
    line: usize,
}

impl Lexer<'_> {
    fn starts_with(&self, text: &str) -> bool {
        let rest = self.source.get(self.at..).unwrap_or_default();
        text.chars().enumerate().all(|(index, c)| rest.get(index) == Some(&c))
    }

    fn take_while(&mut self, is_it: impl Fn(char) -> bool) -> String {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let taken: String = rest.iter().take_while(|c| is_it(**c)).collect();
        self.at += taken.chars().count();
        taken
    }

    /// All that follows; inside a text, as far as the brace that ends a computed part
    fn all(&mut self, inside: bool) -> Result<Vec<Token>, Problem> {
        let mut all = Vec::new();
        let mut depth = 0;
        while let Some(&c) = self.source.get(self.at) {
            if inside && depth == 0 && c == '}' {
                self.at += 1;
                return Ok(all);
            }
            let (line, from) = (self.line, self.at);
            let Some(what) = self.next(c)? else { continue };
            match what {
                Word::Sign("{") => depth += 1,
                Word::Sign("}") => depth -= 1,
                Word::Name(_) | Word::Number(_) | Word::Text(_) | Word::Sign(_) | Word::End => {}
            }
            all.push(Token { line, from, to: self.at, what });
        }
        if inside { Err((self.line, "a text does not end".to_owned())) } else { Ok(all) }
    }

    /// Nothing for spaces and comments
    fn next(&mut self, c: char) -> Result<Option<Word>, Problem> {
        if self.starts_with("//") {
            self.take_while(|c| c != '\n');
            return Ok(None);
        }
        if self.starts_with("/*") {
            while !self.starts_with("*/") {
                let Some(c) = self.source.get(self.at) else {
                    return Err((self.line, "a comment does not end".to_owned()));
                };
                self.line += usize::from(*c == '\n');
                self.at += 1;
            }
            self.at += 2;
            return Ok(None);
        }
        if c == '\n' {
            self.at += 1;
            self.line += 1;
            return Ok(Some(Word::End));
        }
        if c.is_whitespace() {
            self.at += 1;
            return Ok(None);
        }
        if c.is_ascii_digit() {
            let digits = self.take_while(|c| c.is_ascii_digit());
            let number = digits.parse();
            return number.map(|number| Some(Word::Number(number))).map_err(|_| self.strange(c));
        }
        if c.is_alphabetic() || c == '_' {
            return Ok(Some(Word::Name(self.take_while(|c| c.is_alphanumeric() || c == '_'))));
        }
        if self.starts_with("'''") {
            return self.long_text().map(Some);
        }
        if c == '\'' {
            self.at += 1;
            return self.text().map(Some);
        }
        let Some(sign) = SIGNS.into_iter().find(|sign| self.starts_with(sign)) else {
            return Err(self.strange(c));
        };
        self.at += sign.len();
        Ok(Some(Word::Sign(sign)))
    }

    fn strange(&self, c: char) -> Problem {
        (self.line, format!("what is `{c}`?"))
    }

    /// Between three quotes nothing is computed.
    fn long_text(&mut self) -> Result<Word, Problem> {
        self.at += 3;
        let mut text = String::new();
        while !self.starts_with("'''") {
            let Some(c) = self.source.get(self.at) else {
                return Err((self.line, "a text does not end".to_owned()));
            };
            self.line += usize::from(*c == '\n');
            text.push(*c);
            self.at += 1;
        }
        self.at += 3;
        Ok(Word::Text(vec![Part::Plain(text)]))
    }

    fn text(&mut self) -> Result<Word, Problem> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        loop {
            if self.starts_with("${") {
                self.at += 2;
                if !plain.is_empty() {
                    parts.push(Part::Plain(std::mem::take(&mut plain)));
                }
                parts.push(Part::Made(self.all(true)?));
                continue;
            }
            match self.source.get(self.at) {
                None | Some('\n') => return Err((self.line, "a text does not end".to_owned())),
                Some('\'') => {
                    self.at += 1;
                    if !plain.is_empty() || parts.is_empty() {
                        parts.push(Part::Plain(plain));
                    }
                    return Ok(Word::Text(parts));
                }
                Some('\\') => {
                    let escaped = self.source.get(self.at + 1);
                    plain.push(match escaped {
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some(c @ ('\\' | '\'' | '$')) => *c,
                        other => return Err(self.strange(other.copied().unwrap_or('\\'))),
                    });
                    self.at += 2;
                }
                Some(c) => {
                    plain.push(*c);
                    self.at += 1;
                }
            }
        }
    }
}
