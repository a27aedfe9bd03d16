//! Cuts the text of a query into tokens that know where they stood.
//!
//! Which tokens may follow each other is the parser's business.

use std::str::Chars;

use serde_json::Number;

use super::refusal::Refusal;

/// Longer ones first, so that `=` does not win over `==`
const SYMBOLS: [&str; 19] = [
    "==", "!=", "=~", "!~", "<=", ">=", "=", "<", ">", "|", "(", ")", "[", "]", ",", ".", "*", "-",
    ";",
];

/// Words that go on after a hyphen, as in `project-away`
const HYPHENATED: [&str; 6] = ["project", "mv", "make", "top", "sample", "parse"];

/// A piece of a query and where it stood, in lines from 1 and characters from 0
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) lexeme: Lexeme,
    line: usize,
    character: usize,
}

/// A piece of a query
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lexeme {
    Word(String),
    Text(String),
    Number(Number),
    Symbol(&'static str),
    End,
}

impl Token {
    /// The refusal that names this token
    pub(super) fn refuse(&self) -> Refusal {
        let token = match &self.lexeme {
            Lexeme::Word(text) | Lexeme::Text(text) => text.clone(),
            Lexeme::Number(number) => number.to_string(),
            Lexeme::Symbol(symbol) => (*symbol).to_owned(),
            Lexeme::End => "<EOF>".to_owned(),
        };
        Refusal::Unexpected { token, line: self.line, character: self.character }
    }
}

/// Cuts a query into tokens, the last of which is the end
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, Refusal> {
    let mut lexer = Lexer { rest: query.chars(), line: 1, character: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let (line, character) = (lexer.line, lexer.character);
        let first = lexer.ahead(0);
        let Some(lexeme) = lexer.lexeme() else {
            let token = first.map(String::from).unwrap_or_default();
            return Err(Refusal::Unexpected { token, line, character });
        };
        let ended = lexeme == Lexeme::End;
        tokens.push(Token { lexeme, line, character });
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: Chars<'a>,
    line: usize,
    character: usize,
}

impl Lexer<'_> {
    fn ahead(&self, distance: usize) -> Option<char> {
        self.rest.clone().nth(distance)
    }

    fn take(&mut self) -> Option<char> {
        let taken = self.rest.next()?;
        if taken == '\n' {
            self.line += 1;
            self.character = 0;
        } else {
            self.character += 1;
        }
        Some(taken)
    }

    fn take_while(&mut self, into: &mut String, wanted: impl Fn(char) -> bool) {
        while self.ahead(0).is_some_and(&wanted) {
            into.extend(self.take());
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            if self.rest.as_str().starts_with("//") {
                self.take_while(&mut String::new(), |c| c != '\n');
            } else if self.ahead(0).is_some_and(char::is_whitespace) {
                self.take();
            } else {
                return;
            }
        }
    }

    fn lexeme(&mut self) -> Option<Lexeme> {
        match (self.ahead(0), self.ahead(1)) {
            (None, _) => Some(Lexeme::End),
            (Some('@'), Some('\'' | '"')) => {
                self.take();
                self.text(false)
            }
            (Some('\'' | '"'), _) => self.text(true),
            (Some(c), _) if c.is_ascii_digit() => self.number(),
            (Some('!'), Some(c)) if c.is_ascii_alphabetic() => Some(self.word()),
            (Some(c), _) if continues_word(c) => Some(self.word()),
            (Some(_), _) => self.symbol(),
        }
    }

    fn text(&mut self, escapes: bool) -> Option<Lexeme> {
        let quote = self.take()?;
        let mut text = String::new();
        loop {
            match self.take()? {
                c if c == quote => return Some(Lexeme::Text(text)),
                '\n' => return None,
                '\\' if escapes => text.push(match self.take()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                }),
                c => text.push(c),
            }
        }
    }

    fn number(&mut self) -> Option<Lexeme> {
        let mut text = String::new();
        self.take_while(&mut text, |c| c.is_ascii_digit());
        if self.ahead(0) == Some('.') && self.ahead(1).is_some_and(|c| c.is_ascii_digit()) {
            text.extend(self.take());
            self.take_while(&mut text, |c| c.is_ascii_digit());
        }
        text.parse().ok().map(Lexeme::Number)
    }

    fn word(&mut self) -> Lexeme {
        let mut word: String = self.take().into_iter().collect();
        self.take_while(&mut word, continues_word);
        if matches!(word.as_str(), "in" | "!in") && self.ahead(0) == Some('~') {
            word.extend(self.take());
        }
        let hyphen = HYPHENATED.contains(&word.as_str()) && self.ahead(0) == Some('-');
        if hyphen && self.ahead(1).is_some_and(|c| c.is_ascii_alphabetic()) {
            word.extend(self.take());
            self.take_while(&mut word, continues_word);
        }
        Lexeme::Word(word)
    }

    fn symbol(&mut self) -> Option<Lexeme> {
        let rest = self.rest.as_str();
        let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol))?;
        for _ in symbol.chars() {
            self.take();
        }
        Some(Lexeme::Symbol(symbol))
    }
}

/// A dollar sign is part of the words `$left` and `$right`
fn continues_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}
