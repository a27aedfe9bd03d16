//! Reads the words of a Bicep file into declarations and expressions.

use super::lexer::{Part, Problem, Token, Word};
use super::syntax::{Access, Entry, Expr, Item, Loop, Piece, What};

/// Signs between two values; the later ones bind more tightly.
const BINARY: [&[&str]; 7] = [
    &["??"],
    &["||"],
    &["&&"],
    &["==", "=~", "!=", "!~"],
    &["<", "<=", ">", ">="],
    &["+", "-"],
    &["*", "/", "%"],
];

pub(super) struct Parser<'a> {
    source: &'a [char],
    tokens: Vec<Token>,
    at: usize,
}

type Read<T> = Result<T, Problem>;

impl<'a> Parser<'a> {
    pub(super) fn new(source: &'a [char], tokens: Vec<Token>) -> Self {
        Self { source, tokens, at: 0 }
    }

    fn word(&self) -> &Word {
        self.tokens.get(self.at).map_or(&Word::End, |token| &token.what)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    fn strange<T>(&self) -> Read<T> {
        Err((self.line(), "this cannot be read".to_owned()))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.word(), Word::Sign(its) if *its == sign)
    }

    fn next_is(&mut self, sign: &str) -> bool {
        let is_it = self.is_sign(sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, sign: &str) -> Read<()> {
        if self.next_is(sign) { Ok(()) } else { self.strange() }
    }

    fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn skip_ends(&mut self) {
        while !self.is_done() && *self.word() == Word::End {
            self.at += 1;
        }
    }

    /// A sign that may stand on a later line
    fn later_is(&mut self, sign: &str) -> bool {
        let before = self.at;
        self.skip_ends();
        let is_it = self.next_is(sign);
        if !is_it {
            self.at = before;
        }
        is_it
    }

    fn next_is_name(&mut self, name: &str) -> bool {
        let is_it = matches!(self.word(), Word::Name(its) if its == name);
        self.at += usize::from(is_it);
        is_it
    }

    fn name(&mut self) -> Read<String> {
        let Word::Name(name) = self.word() else { return self.strange() };
        let name = name.clone();
        self.at += 1;
        Ok(name)
    }

    pub(super) fn items(mut self) -> Read<Vec<Item>> {
        let mut items = Vec::new();
        let mut decorators = Vec::new();
        loop {
            self.skip_ends();
            if self.is_done() {
                return Ok(items);
            }
            if self.next_is("@") {
                decorators.push(self.postfix()?);
            } else {
                items.push(self.item(std::mem::take(&mut decorators))?);
            }
            if !self.is_done() && *self.word() != Word::End {
                return self.strange();
            }
        }
    }

    fn item(&mut self, decorators: Vec<Expr>) -> Read<Item> {
        let line = self.line();
        let word = self.name()?;
        let name = if word == "targetScope" { String::new() } else { self.name()? };
        let mut item = Item {
            word,
            name,
            decorators,
            kind: String::new(),
            path: String::new(),
            existing: false,
            body: None,
            line,
        };
        match item.word.as_str() {
            "param" | "output" => item.kind = self.kind(),
            "type" => {
                self.expect("=")?;
                item.kind = self.kind();
                return Ok(item);
            }
            "resource" | "module" => {
                let Word::Text(parts) = self.word().clone() else { return self.strange() };
                let [Part::Plain(path)] = parts.as_slice() else { return self.strange() };
                item.path.clone_from(path);
                self.at += 1;
                item.existing = item.word == "resource" && self.next_is_name("existing");
            }
            "var" | "targetScope" => {}
            _ => return self.strange(),
        }
        if item.word == "param" && !self.is_sign("=") {
            return Ok(item);
        }
        self.expect("=")?;
        let is_made = ["resource", "module"].contains(&item.word.as_str());
        item.body = Some(if is_made { self.body()? } else { self.expression()? });
        Ok(item)
    }

    /// A type: up to the sign of a value, or the end of the line
    fn kind(&mut self) -> String {
        let first = self.at;
        let mut depth = 0;
        while let Some(token) = self.tokens.get(self.at) {
            match &token.what {
                Word::Sign("{" | "[" | "(") => depth += 1,
                Word::Sign("}" | "]" | ")") => depth -= 1,
                Word::Sign("=") | Word::End if depth == 0 => break,
                Word::Name(_) | Word::Number(_) | Word::Text(_) | Word::Sign(_) | Word::End => {}
            }
            self.at += 1;
        }
        let Some([from, .., to]) = self.tokens.get(first..self.at) else {
            return self.tokens.get(first).map(|only| self.written(only, only)).unwrap_or_default();
        };
        self.written(from, to)
    }

    fn written(&self, from: &Token, to: &Token) -> String {
        self.source.get(from.from..to.to).unwrap_or_default().iter().collect()
    }

    /// The body of a resource or module
    fn body(&mut self) -> Read<Expr> {
        let line = self.line();
        if self.next_is_name("if") {
            self.expect("(")?;
            let condition = self.expression()?;
            self.expect(")")?;
            let body = self.expression()?;
            return Ok(Expr { line, what: What::If(Box::new([condition, body])) });
        }
        self.expression()
    }

    fn expression(&mut self) -> Read<Expr> {
        let line = self.line();
        let condition = self.binary(0)?;
        if !self.later_is("?") {
            return Ok(condition);
        }
        self.skip_ends();
        let one = self.expression()?;
        if !self.later_is(":") {
            return self.strange();
        }
        self.skip_ends();
        let other = self.expression()?;
        Ok(Expr { line, what: What::Choice(Box::new([condition, one, other])) })
    }

    fn binary(&mut self, level: usize) -> Read<Expr> {
        let Some(signs) = BINARY.get(level) else { return self.unary() };
        let line = self.line();
        let mut left = self.binary(level + 1)?;
        while let Some(sign) = signs.iter().find(|sign| self.is_sign(sign)) {
            self.at += 1;
            self.skip_ends();
            let right = self.binary(level + 1)?;
            left = Expr { line, what: What::Binary(sign, Box::new([left, right])) };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Read<Expr> {
        let line = self.line();
        for sign in ["!", "-"] {
            if self.next_is(sign) {
                return Ok(Expr { line, what: What::Unary(sign, Box::new(self.unary()?)) });
            }
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Read<Expr> {
        let mut expr = self.primary()?;
        loop {
            let line = self.line();
            let what = if self.next_is(".") {
                What::Member(Box::new(expr), Access::Plain, self.name()?)
            } else if self.next_is(".?") {
                What::Member(Box::new(expr), Access::Safe, self.name()?)
            } else if self.next_is("[") {
                let index = self.expression()?;
                self.expect("]")?;
                What::Index(Box::new([expr, index]))
            } else if self.next_is("(") {
                What::Call(Box::new(expr), self.list(")")?)
            } else if self.next_is("!") {
                What::Assert(Box::new(expr))
            } else {
                return Ok(expr);
            };
            expr = Expr { line, what };
        }
    }

    fn primary(&mut self) -> Read<Expr> {
        let line = self.line();
        let word = self.word().clone();
        self.at += 1;
        let what = match word {
            Word::Name(name) => match name.as_str() {
                "true" | "false" => What::Bool(name == "true"),
                "null" => What::Null,
                _ => What::Name(name),
            },
            Word::Number(number) => What::Number(number),
            Word::Text(parts) => What::Text(self.pieces(parts)?),
            Word::Sign("(") => {
                self.skip_ends();
                let inner = self.expression()?;
                self.skip_ends();
                self.expect(")")?;
                What::Group(Box::new(inner))
            }
            Word::Sign("[") if self.next_is_name("for") => self.each()?,
            Word::Sign("[") => What::Array(self.list("]")?),
            Word::Sign("{") => self.object()?,
            Word::Sign(_) | Word::End => {
                self.at -= 1;
                return self.strange();
            }
        };
        Ok(Expr { line, what })
    }

    fn pieces(&self, parts: Vec<Part>) -> Read<Vec<Piece>> {
        let piece = |part| match part {
            Part::Plain(text) => Ok(Piece::Plain(text)),
            Part::Made(tokens) => {
                let mut within = Parser::new(self.source, tokens);
                let made = within.expression()?;
                if within.is_done() { Ok(Piece::Made(made)) } else { within.strange() }
            }
        };
        parts.into_iter().map(piece).collect()
    }

    /// Values, each on a line of its own or with a comma after it
    fn list(&mut self, end: &str) -> Read<Vec<Expr>> {
        let mut items = Vec::new();
        loop {
            self.skip_ends();
            if self.next_is(end) {
                return Ok(items);
            }
            items.push(self.expression()?);
            self.separator(end)?;
        }
    }

    fn separator(&mut self, end: &str) -> Read<()> {
        if self.next_is(",") || self.is_sign(end) || *self.word() == Word::End {
            Ok(())
        } else {
            self.strange()
        }
    }

    /// A loop, after its first word
    fn each(&mut self) -> Read<What> {
        let names = if self.next_is("(") {
            let item = self.name()?;
            self.expect(",")?;
            let index = self.name()?;
            self.expect(")")?;
            vec![item, index]
        } else {
            vec![self.name()?]
        };
        if !self.next_is_name("in") {
            return self.strange();
        }
        let over = self.expression()?;
        self.expect(":")?;
        self.skip_ends();
        let body = self.body()?;
        self.skip_ends();
        self.expect("]")?;
        Ok(What::Each(Box::new(Loop { names, over, body })))
    }

    fn object(&mut self) -> Read<What> {
        let mut entries = Vec::new();
        loop {
            self.skip_ends();
            if self.next_is("}") {
                return Ok(What::Object(entries));
            }
            let line = self.line();
            let key = match self.word().clone() {
                Word::Name(name) => vec![Piece::Plain(name)],
                Word::Text(parts) => self.pieces(parts)?,
                Word::Number(_) | Word::Sign(_) | Word::End => return self.strange(),
            };
            self.at += 1;
            self.expect(":")?;
            self.skip_ends();
            let value = self.expression()?;
            entries.push(Entry { key, value, line });
            self.separator("}")?;
        }
    }
}
