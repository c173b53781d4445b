//! Who is at the other end of a connection, as an extractor.

use crate::IncomingStream;
use axum::{
    Extension, Router,
    extract::{FromRequestParts, rejection::ExtensionRejection},
    handler::HandlerService,
    http::request::Parts,
    middleware::AddExtension,
    routing::MethodRouter,
};
use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
    net::SocketAddr,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Extracts what is known of the connection that a request came over: the client's address, for `ConnectInfo<SocketAddr>`.
///
/// The service must have been made by [`into_make_service_with_connect_info`](MakeServiceExt::into_make_service_with_connect_info)
/// for the same type; a request is refused with status 500 otherwise.
///
/// See the [crate's example](crate).
#[derive(Debug, Clone, Copy)]
pub struct ConnectInfo<T>(pub T);

impl<S, T> FromRequestParts<S> for ConnectInfo<T>
where
    S: Send + Sync,
    T: Clone + Send + Sync + 'static,
{
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtensionRejection> {
        let Extension(info) = Extension::from_request_parts(parts, state).await?;
        Ok(info)
    }
}

/// What can be known of a connection. Implement it for a type of your own to have [`ConnectInfo`] of that.
///
/// ```
/// use fibra_axum::{Connected, IncomingStream};
///
/// #[derive(Clone)]
/// struct IsLocal(bool);
///
/// impl Connected for IsLocal {
///     fn connect_info(connection: IncomingStream) -> Self {
///         Self(connection.remote_addr().ip().is_loopback())
///     }
/// }
/// ```
pub trait Connected: Clone + Send + Sync + 'static {
    /// What is known when it was accepted.
    fn connect_info(connection: IncomingStream) -> Self;
}

impl Connected for SocketAddr {
    fn connect_info(connection: IncomingStream) -> Self {
        connection.remote_addr()
    }
}

/// What routers and handlers can be made into, so that their requests know of the connection. axum has it under the same name
/// with its feature `tokio`.
///
/// See the [crate's example](crate).
pub trait MakeServiceExt: Sized {
    /// A service for each connection, whose handlers may extract [`ConnectInfo<C>`](ConnectInfo).
    fn into_make_service_with_connect_info<C: Connected>(self) -> IntoMakeServiceWithConnectInfo<Self, C>;
}

macro_rules! make_service {
    ($type:ty $(, <$($parameter:ident),+>)?) => {
        impl $(<$($parameter),+>)? MakeServiceExt for $type {
            fn into_make_service_with_connect_info<C: Connected>(
                self,
            ) -> IntoMakeServiceWithConnectInfo<Self, C> {
                IntoMakeServiceWithConnectInfo { service: self, info: PhantomData }
            }
        }
    };
}

make_service!(Router);
make_service!(MethodRouter);
make_service!(HandlerService<H, T, S>, <H, T, S>);

/// See [`MakeServiceExt`].
pub struct IntoMakeServiceWithConnectInfo<S, C> {
    service: S,
    info: PhantomData<fn() -> C>,
}

impl<S: Clone, C: Connected> Service<IncomingStream> for IntoMakeServiceWithConnectInfo<S, C> {
    type Response = AddExtension<S, ConnectInfo<C>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, connection: IncomingStream) -> Self::Future {
        let info = ConnectInfo(C::connect_info(connection));
        ready(Ok(Extension(info).layer(self.service.clone())))
    }
}

impl<S: Clone, C> Clone for IntoMakeServiceWithConnectInfo<S, C> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), info: PhantomData }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for IntoMakeServiceWithConnectInfo<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoMakeServiceWithConnectInfo").field(&self.service).finish()
    }
}
