//! Reads the scalar part of a query: what stands after `where`, `extend` or `order by`.

use serde_json::Value;

use super::lexer::Lexeme;
use super::parser::Parser;
use super::query::{Comparison, Expression, Function, Key, Test};
use super::refusal::Refusal;

/// Each comparison as it is spelled: what it asks, whether negated, whether letter case counts
const TESTS: [(&str, Test, bool, bool); 28] = [
    ("==", Test::Equal, false, true),
    ("!=", Test::Equal, true, true),
    ("=~", Test::Equal, false, false),
    ("!~", Test::Equal, true, false),
    ("<", Test::Less, false, true),
    ("<=", Test::LessOrEqual, false, true),
    (">", Test::Greater, false, true),
    (">=", Test::GreaterOrEqual, false, true),
    ("in", Test::In, false, true),
    ("!in", Test::In, true, true),
    ("in~", Test::In, false, false),
    ("!in~", Test::In, true, false),
    ("contains", Test::Contains, false, false),
    ("!contains", Test::Contains, true, false),
    ("contains_cs", Test::Contains, false, true),
    ("!contains_cs", Test::Contains, true, true),
    ("startswith", Test::StartsWith, false, false),
    ("!startswith", Test::StartsWith, true, false),
    ("startswith_cs", Test::StartsWith, false, true),
    ("!startswith_cs", Test::StartsWith, true, true),
    ("endswith", Test::EndsWith, false, false),
    ("!endswith", Test::EndsWith, true, false),
    ("endswith_cs", Test::EndsWith, false, true),
    ("!endswith_cs", Test::EndsWith, true, true),
    ("has", Test::Has, false, false),
    ("!has", Test::Has, true, false),
    ("has_cs", Test::Has, false, true),
    ("!has_cs", Test::Has, true, true),
];

/// Each function as it is called, with the least and the most arguments it takes
const FUNCTIONS: [(&str, Function, usize, usize); 15] = [
    ("tostring", Function::ToString, 1, 1),
    ("tolower", Function::ToLower, 1, 1),
    ("toupper", Function::ToUpper, 1, 1),
    ("split", Function::Split, 2, 2),
    ("tobool", Function::ToBool, 1, 1),
    ("toint", Function::ToLong, 1, 1),
    ("tolong", Function::ToLong, 1, 1),
    ("isempty", Function::IsEmpty, 1, 1),
    ("isnotempty", Function::IsNotEmpty, 1, 1),
    ("isnull", Function::IsNull, 1, 1),
    ("isnotnull", Function::IsNotNull, 1, 1),
    ("not", Function::Not, 1, 1),
    ("coalesce", Function::Coalesce, 2, 64),
    ("iff", Function::Iff, 3, 3),
    ("iif", Function::Iff, 3, 3),
];

impl Parser {
    pub(super) fn disjunction(&mut self) -> Result<Expression, Refusal> {
        let mut parts = vec![self.conjunction()?];
        while self.accept_word("or") {
            parts.push(self.conjunction()?);
        }
        Ok(single_or(parts, Expression::Or))
    }

    fn conjunction(&mut self) -> Result<Expression, Refusal> {
        let mut parts = vec![self.comparison()?];
        while self.accept_word("and") {
            parts.push(self.comparison()?);
        }
        Ok(single_or(parts, Expression::And))
    }

    fn comparison(&mut self) -> Result<Expression, Refusal> {
        let left = self.operand_with_path()?;
        let Some((test, negated, cased)) = self.accept_test() else { return Ok(left) };
        let right = if test == Test::In {
            self.expect("(")?;
            let list = self.list(Self::expression)?;
            self.expect(")")?;
            list
        } else {
            vec![self.operand_with_path()?]
        };
        Ok(Expression::Compare(Box::new(Comparison { left, test, negated, cased, right })))
    }

    fn accept_test(&mut self) -> Option<(Test, bool, bool)> {
        let spelled = match &self.current.lexeme {
            Lexeme::Word(word) => word.as_str(),
            Lexeme::Symbol(symbol) => symbol,
            Lexeme::Text(_) | Lexeme::Number(_) | Lexeme::End => return None,
        };
        let (_, test, negated, cased) = TESTS.iter().find(|(spelling, ..)| *spelling == spelled)?;
        self.take();
        Some((*test, *negated, *cased))
    }

    fn operand_with_path(&mut self) -> Result<Expression, Refusal> {
        let base = self.primary()?;
        let mut keys = Vec::new();
        loop {
            if self.accept(".") {
                keys.push(Key::Name(self.name()?));
            } else if self.accept("[") {
                keys.push(self.key()?);
                self.expect("]")?;
            } else {
                break;
            }
        }
        Ok(if keys.is_empty() { base } else { Expression::Path(Box::new(base), keys) })
    }

    fn key(&mut self) -> Result<Key, Refusal> {
        let token = self.take();
        if let Lexeme::Text(name) = token.lexeme {
            return Ok(Key::Name(name));
        }
        let Lexeme::Number(number) = &token.lexeme else { return Err(token.refuse()) };
        let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
        index.map(Key::Index).ok_or_else(|| token.refuse())
    }

    fn primary(&mut self) -> Result<Expression, Refusal> {
        let token = self.take();
        match token.lexeme {
            Lexeme::Text(text) => Ok(Expression::Literal(Value::String(text))),
            Lexeme::Number(number) => Ok(Expression::Literal(Value::Number(number))),
            Lexeme::Word(word) => self.word(word),
            Lexeme::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Lexeme::Symbol("[") => {
                let token = self.take();
                let Lexeme::Text(name) = token.lexeme else { return Err(token.refuse()) };
                self.expect("]")?;
                Ok(Expression::Column(name))
            }
            Lexeme::Symbol("-") => self.negative(),
            Lexeme::Symbol(_) | Lexeme::End => Err(token.refuse()),
        }
    }

    fn negative(&mut self) -> Result<Expression, Refusal> {
        let token = self.take();
        let Lexeme::Number(number) = &token.lexeme else { return Err(token.refuse()) };
        let negated = format!("-{number}").parse().map_err(|_| token.refuse())?;
        Ok(Expression::Literal(Value::Number(negated)))
    }

    fn word(&mut self, word: String) -> Result<Expression, Refusal> {
        if self.accept("(") {
            return self.call(&word);
        }
        Ok(match word.as_str() {
            "true" => Expression::Literal(Value::Bool(true)),
            "false" => Expression::Literal(Value::Bool(false)),
            _ => Expression::Column(word),
        })
    }

    fn call(&mut self, name: &str) -> Result<Expression, Refusal> {
        let known = FUNCTIONS.iter().find(|(called, ..)| *called == name);
        let Some((_, function, least, most)) = known else {
            return Err(Refusal::UnknownFunction(name.to_owned()));
        };
        let arguments = self.list(Self::expression)?;
        self.expect(")")?;
        if (*least..=*most).contains(&arguments.len()) {
            Ok(Expression::Call(*function, arguments))
        } else {
            Err(Refusal::UnknownFunction(name.to_owned()))
        }
    }
}

fn single_or(
    mut parts: Vec<Expression>,
    many: impl Fn(Vec<Expression>) -> Expression,
) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}
