//! What counts as a handler: an async function whose arguments can be read from an invocation.
//!
//! It knows neither the triggers nor how a handler is run.

use std::future::Future;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Context, Failure, IntoOutputs, Invocation, Outputs};

/// An argument of a handler
pub trait FromInvocation<S>: Sized {
    /// Reads the argument from an invocation and the state of the app.
    fn from_invocation(invocation: &Invocation, state: &S) -> Result<Self, Failure>;
}

/// The state of the app as an argument
#[derive(Clone, Copy, Debug)]
pub struct State<S>(pub S);

impl<S: Clone> FromInvocation<S> for State<S> {
    fn from_invocation(_: &Invocation, state: &S) -> Result<Self, Failure> {
        Ok(Self(state.clone()))
    }
}

impl<S> FromInvocation<S> for Context {
    fn from_invocation(invocation: &Invocation, _: &S) -> Result<Self, Failure> {
        Ok(invocation.context().clone())
    }
}

impl<S> FromInvocation<S> for Invocation {
    fn from_invocation(invocation: &Invocation, _: &S) -> Result<Self, Failure> {
        Ok(invocation.clone())
    }
}

/// An async function of one to four arguments, each a [`FromInvocation`], that returns
/// `Result<impl IntoOutputs, impl Into<Failure>>`
pub trait Handler<S, Arguments>: Clone + Send + Sync + 'static {
    /// Reads the arguments and runs the function. The invocation is let go before it runs, so that
    /// a large body is not held for as long as the work takes.
    fn call(
        &self,
        invocation: Invocation,
        state: &S,
    ) -> BoxFuture<'static, Result<Outputs, Failure>>;
}

macro_rules! handler {
    ($($name:ident: $argument:ident),+) => {
        impl<S, F, R, O, E, $($argument),+> Handler<S, ($($argument,)+)> for F
        where
            F: Fn($($argument),+) -> R + Clone + Send + Sync + 'static,
            R: Future<Output = Result<O, E>> + Send + 'static,
            O: IntoOutputs,
            E: Into<Failure>,
            $($argument: FromInvocation<S>,)+
        {
            fn call(
                &self,
                invocation: Invocation,
                state: &S,
            ) -> BoxFuture<'static, Result<Outputs, Failure>> {
                $(let $name = match $argument::from_invocation(&invocation, state) {
                    Ok(argument) => argument,
                    Err(failure) => return futures::future::ready(Err(failure)).boxed(),
                };)+
                drop(invocation);
                self($($name),+)
                    .map(|result| result.map(O::into_outputs).map_err(E::into))
                    .boxed()
            }
        }
    };
}

handler!(a: A);
handler!(a: A, b: B);
handler!(a: A, b: B, c: C);
handler!(a: A, b: B, c: C, d: D);
