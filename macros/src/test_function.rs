//! `#[fibra::test]`.
//!
//! The function stays what and where it was, so that names mean the same in it as before. A module of the same name, which
//! is no conflict since modules and functions have different name spaces, holds one test for each backend that the system has:
//!
//! ```text
//! #[fibra::test]                   async fn echo() -> R { body }
//! #[ignore]
//! async fn echo() -> R {  becomes  mod echo {
//!     body                             #[test] #[ignore]
//! }                                    fn io_uring() -> ::std::process::ExitCode { … ::fibra::wait(super::echo()) … }
//!                                      #[test] #[ignore]
//!                                      fn epoll() -> ::std::process::ExitCode { … }
//!                                  }
//! ```

use crate::function;
use crate::options::{Backend, Options};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, ItemFn, Meta, Path, Result, Token, parse_quote};

const ATTRIBUTE: &str = "fibra::test";

pub(crate) fn expand(options: TokenStream, function: TokenStream, find_crate: fn() -> Path) -> TokenStream {
    expand_or_refuse(options, function, find_crate).unwrap_or_else(Error::into_compile_error)
}

fn expand_or_refuse(
    options: TokenStream,
    function: TokenStream,
    find_crate: fn() -> Path,
) -> Result<TokenStream> {
    let item = function::parse(ATTRIBUTE, function)?;
    let options = Options::parse(options)?;
    let fibra = options.crate_path(find_crate);
    // One that was named has to be there; of all the others, those that are.
    let named = options.backend.is_some();
    let backends = options.backend.map_or(Backend::ALL.to_vec(), |backend| vec![backend]);

    let ItemFn { attrs, vis, sig, block } = item;
    let Attributes { for_tests, for_all, for_function } = Attributes::sort(attrs)?;
    let name = &sig.ident;
    let tests = backends.into_iter().map(|backend| {
        let test = Ident::new(backend.name(), Span::call_site());
        let builder = options.builder(&fibra, Some(backend));
        let call = function::call(&fibra, &sig, quote!(super::#name));
        // `should_panic` wants a function that returns nothing, so one that does so stays as it is.
        let (output, body) = if function::returns_nothing(&sig) {
            (quote!(), quote!(|| #call))
        } else {
            (quote!(-> ::std::process::ExitCode), function::status_closure(&sig, call))
        };
        let test_function = quote! {
            #[::core::prelude::v1::test]
            #(#for_tests)*
            fn #test() #output {
                #builder.run(#body)
            }
        };
        if named { test_function } else { quote!(#fibra::__where_there_is! { #test #test_function }) }
    });
    let tests = quote!(#(#tests)*);
    // Like an ordinary test, the function is there in tests only.
    Ok(quote! {
        #[cfg(test)]
        #(#for_all)*
        #(#for_function)*
        #vis #sig #block

        #[cfg(test)]
        #(#for_all)*
        mod #name {
            #tests
        }
    })
}

/// The attributes of the function, by where they belong.
#[derive(Default)]
struct Attributes {
    /// Those that the test harness reads.
    for_tests: Vec<Attribute>,
    /// Conditions.
    for_all: Vec<Attribute>,
    /// All others: documentation, lints, other macros.
    for_function: Vec<Attribute>,
}

impl Attributes {
    fn sort(attributes: Vec<Attribute>) -> Result<Self> {
        let mut sorted = Attributes::default();
        for attribute in attributes {
            if !attribute.path().is_ident("cfg_attr") {
                sorted.add(attribute.meta.clone(), attribute)?;
                continue;
            }
            // One condition may stand before attributes that belong to different places.
            let parts = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
            let mut parts = parts.into_iter();
            let condition = parts.next();
            for part in parts {
                let attribute = parse_quote!(#[cfg_attr(#condition, #part)]);
                sorted.add(part, attribute)?;
            }
        }
        Ok(sorted)
    }

    /// Puts an attribute where its meaning says that it belongs.
    fn add(&mut self, meaning: Meta, attribute: Attribute) -> Result<()> {
        let path = meaning.path();
        if path.segments.last().is_some_and(|last| last.ident == "test") {
            return Err(Error::new_spanned(
                path.to_token_stream(),
                "`#[fibra::test]` makes the tests by itself",
            ));
        }
        let place = match path.get_ident().map(Ident::to_string).as_deref() {
            Some("should_panic" | "ignore") => &mut self.for_tests,
            Some("cfg") => &mut self.for_all,
            _ => &mut self.for_function,
        };
        place.push(attribute);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretty::pretty;

    fn expanded(options: TokenStream, function: TokenStream) -> String {
        pretty(expand(options, function, || parse_quote!(::fibra)))
    }

    #[test]
    fn a_function_becomes_one_test_for_each_backend() {
        let expected = quote! {
            #[cfg(test)]
            fn echo() { check(super::HOST) }
            #[cfg(test)]
            mod echo {
                ::fibra::__where_there_is! { io_uring
                    #[::core::prelude::v1::test]
                    fn io_uring() {
                        ::fibra::Builder::new().backend(::fibra::Backend::IoUring).run(|| super::echo())
                    }
                }
                ::fibra::__where_there_is! { epoll
                    #[::core::prelude::v1::test]
                    fn epoll() {
                        ::fibra::Builder::new().backend(::fibra::Backend::Epoll).run(|| super::echo())
                    }
                }
                ::fibra::__where_there_is! { kqueue
                    #[::core::prelude::v1::test]
                    fn kqueue() {
                        ::fibra::Builder::new().backend(::fibra::Backend::Kqueue).run(|| super::echo())
                    }
                }
                ::fibra::__where_there_is! { iocp
                    #[::core::prelude::v1::test]
                    fn iocp() {
                        ::fibra::Builder::new().backend(::fibra::Backend::Iocp).run(|| super::echo())
                    }
                }
            }
        };
        assert_eq!(
            expanded(
                quote!(),
                quote!(
                    fn echo() {
                        check(super::HOST)
                    }
                )
            ),
            pretty(expected)
        );
    }

    #[test]
    fn a_result_becomes_a_status_and_a_future_is_waited_for() {
        let expected = quote! {
            #[cfg(test)]
            async fn echo() -> Result<(), super::Error> { go().await }
            #[cfg(test)]
            mod echo {
                #[::core::prelude::v1::test]
                fn epoll() -> ::std::process::ExitCode {
                    ::fibra::Builder::new()
                        .workers(1)
                        .backend(::fibra::Backend::Epoll)
                        .run(|| -> ::std::process::ExitCode {
                            ::std::process::Termination::report(::fibra::wait(super::echo()))
                        })
                }
            }
        };
        let function = quote!(
            async fn echo() -> Result<(), super::Error> {
                go().await
            }
        );
        assert_eq!(expanded(quote!(backend = "epoll", workers = 1), function), pretty(expected));
    }

    #[test]
    fn each_attribute_comes_to_where_it_belongs() {
        let function = quote! {
            /// What it promises.
            #[should_panic(expected = "x")]
            #[cfg(feature = "net")]
            #[allow(unused)]
            #[cfg_attr(miri, ignore = "slow", expect(unused))]
            #[instrument]
            #[ignore]
            fn echo() {}
        };
        let expected = quote! {
            #[cfg(test)]
            #[cfg(feature = "net")]
            /// What it promises.
            #[allow(unused)]
            #[cfg_attr(miri, expect(unused))]
            #[instrument]
            fn echo() {}
            #[cfg(test)]
            #[cfg(feature = "net")]
            mod echo {
                #[::core::prelude::v1::test]
                #[should_panic(expected = "x")]
                #[cfg_attr(miri, ignore = "slow")]
                #[ignore]
                fn io_uring() {
                    ::fibra::Builder::new().backend(::fibra::Backend::IoUring).run(|| super::echo())
                }
            }
        };
        assert_eq!(expanded(quote!(backend = "io_uring"), function), pretty(expected));
    }

    #[test]
    fn a_second_test_attribute_is_refused() {
        for attribute in [quote!(test), quote!(tokio::test), quote!(cfg_attr(miri, test))] {
            let expansion = expanded(quote!(), quote!(#[#attribute] fn echo() {}));
            assert!(expansion.contains("makes the tests by itself"), "{expansion}");
        }
    }

    #[test]
    fn a_refused_function_leaves_nothing_but_the_error() {
        for (options, function) in [
            (
                quote!(),
                quote!(
                    fn echo(size: usize) {}
                ),
            ),
            (
                quote!(size = 1),
                quote!(
                    fn echo() {}
                ),
            ),
        ] {
            let expansion = expanded(options, function);
            assert!(expansion.starts_with("::core::compile_error! {"), "{expansion}");
            assert!(!expansion.contains("fn echo"), "{expansion}");
        }
    }
}
