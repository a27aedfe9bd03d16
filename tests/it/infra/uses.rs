//! What a Bicep file uses: names, functions and members.

use super::syntax::{Expr, Item, What};

/// Everything with its line
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Every name, those that loops give apart
    pub(super) used: Vec<(usize, String)>,
    /// Every function
    pub(super) called: Vec<(usize, String)>,
    /// Every `a.b.c` and `a[0].b.c`
    pub(super) chains: Vec<(usize, Vec<String>)>,
    /// Every name that a loop gives
    pub(super) loops: Vec<(usize, String)>,
}

impl Uses {
    pub(super) fn read(&mut self, items: &[Item]) {
        for body in items.iter().filter_map(|item| item.body.as_ref()) {
            self.look_at(body, &mut Vec::new());
        }
    }

    fn look_at<'a>(&mut self, expr: &'a Expr, loops: &mut Vec<&'a str>) {
        match &expr.what {
            What::Name(name) if !loops.contains(&name.as_str()) => {
                self.used.push((expr.line, name.clone()));
            }
            What::Call(function, given) => {
                self.called.push((expr.line, function.to_string()));
                // The name of a function is no other name; what it is a member of may be one.
                let of = if function.name().is_some() { Vec::new() } else { function.parts() };
                of.into_iter().chain(given).for_each(|part| self.look_at(part, loops));
                return;
            }
            What::Each(each) => {
                self.look_at(&each.over, loops);
                let before = loops.len();
                for name in &each.names {
                    loops.push(name);
                    self.loops.push((expr.line, name.clone()));
                }
                self.look_at(&each.body, loops);
                loops.truncate(before);
                return;
            }
            What::Member(..) | What::Index(_) => {
                if let Some(chain) = chain(expr)
                    && chain.len() > 1
                    && !loops.contains(&chain[0].as_str())
                {
                    self.chains.push((expr.line, chain));
                }
            }
            What::Name(_)
            | What::Number(_)
            | What::Bool(_)
            | What::Null
            | What::Text(_)
            | What::Array(_)
            | What::Object(_)
            | What::Choice(_)
            | What::Binary(..)
            | What::Unary(..)
            | What::Assert(_)
            | What::Group(_)
            | What::If(_) => {}
        }
        expr.parts().into_iter().for_each(|part| self.look_at(part, loops));
    }
}

/// The names in `a.b[0].c`, as far as they are plain
fn chain(expr: &Expr) -> Option<Vec<String>> {
    if let What::Name(name) = &expr.what {
        Some(vec![name.clone()])
    } else if let What::Member(of, _, name) = &expr.what {
        let mut chain = chain(of)?;
        chain.push(name.clone());
        Some(chain)
    } else if let What::Index(parts) = &expr.what {
        let mut chain = chain(&parts[0])?;
        chain.extend(parts[1].text().map(str::to_owned));
        Some(chain)
    } else if let What::Assert(of) | What::Group(of) = &expr.what {
        chain(of)
    } else {
        None
    }
}
