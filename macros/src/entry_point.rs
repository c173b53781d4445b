//! `#[fibra::main]`.
//!
//! The function stays what it was, inside the one that starts the runtime, so that names, types, `?` and messages of the
//! compiler are those of an ordinary function:
//!
//! ```text
//! #[fibra::main]                      fn main() -> ::std::process::ExitCode {
//! async fn main() -> R {                  async fn main() -> R {
//!     body                 becomes            body
//! }                                       }
//!                                         match ::fibra::Builder::new().try_run(|| report(::fibra::wait(main()))) { … }
//!                                     }
//! ```

use crate::function;
use crate::options::Options;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Path, Result};

const ATTRIBUTE: &str = "fibra::main";

pub(crate) fn expand(options: TokenStream, function: TokenStream, find_crate: fn() -> Path) -> TokenStream {
    expand_or_refuse(options, function, find_crate).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        // With a `main`, the compiler does not add that there is none.
        quote!(#error fn main() {})
    })
}

fn expand_or_refuse(
    options: TokenStream,
    function: TokenStream,
    find_crate: fn() -> Path,
) -> Result<TokenStream> {
    let item = function::parse(ATTRIBUTE, function)?;
    if item.sig.ident != "main" {
        let text = "`#[fibra::main]` stands on the program's `main`; elsewhere call `fibra::run(|| …)`";
        return Err(Error::new(item.sig.ident.span(), text));
    }
    let options = Options::parse(options)?;
    let fibra = options.crate_path(find_crate);
    let builder = options.builder(&fibra, options.backend);

    let ItemFn { attrs, vis, sig, block } = item;
    let main = function::status_closure(&sig, function::call(&fibra, &sig, quote!(main)));
    Ok(quote! {
        #(#attrs)*
        #vis fn main() -> ::std::process::ExitCode {
            #sig #block

            match #builder.try_run(#main) {
                ::std::result::Result::Ok(status) => status,
                ::std::result::Result::Err(error) => {
                    ::std::eprintln!("fibra: {error}");
                    ::std::process::ExitCode::FAILURE
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretty::pretty;
    use syn::parse_quote;

    fn expanded(options: TokenStream, function: TokenStream) -> String {
        pretty(expand(options, function, || parse_quote!(::fibra)))
    }

    #[test]
    fn a_function_runs_on_the_main_green_thread_and_its_result_becomes_the_status() {
        let expansion = expanded(
            quote!(workers = 2),
            quote! {
                /// The program.
                #[allow(unused)]
                pub fn main() -> Result<(), Box<dyn Error>> { go()?; Ok(()) }
            },
        );
        let expected = quote! {
            /// The program.
            #[allow(unused)]
            pub fn main() -> ::std::process::ExitCode {
                fn main() -> Result<(), Box<dyn Error>> { go()?; Ok(()) }
                match ::fibra::Builder::new()
                    .workers(2)
                    .try_run(|| -> ::std::process::ExitCode { ::std::process::Termination::report(main()) })
                {
                    ::std::result::Result::Ok(status) => status,
                    ::std::result::Result::Err(error) => {
                        ::std::eprintln!("fibra: {error}");
                        ::std::process::ExitCode::FAILURE
                    }
                }
            }
        };
        assert_eq!(expansion, pretty(expected));
    }

    #[test]
    fn an_async_function_is_waited_for_there() {
        let expansion = expanded(
            quote!(crate = crate::f),
            quote!(
                async fn main() {
                    go().await
                }
            ),
        );
        assert!(expansion.contains("async fn main() {\n        go().await\n    }"), "{expansion}");
        assert!(expansion.contains("match crate::f::Builder::new()"), "{expansion}");
        assert!(
            expansion.contains("::std::process::Termination::report(crate::f::wait(main()))"),
            "{expansion}"
        );
    }

    #[test]
    fn a_refusal_is_the_only_error_that_the_compiler_shows() {
        for (options, function) in [
            (
                quote!(),
                quote!(
                    fn main(argument: u8) {}
                ),
            ),
            (
                quote!(colour = 1),
                quote!(
                    fn main() {}
                ),
            ),
            (
                quote!(),
                quote!(
                    fn other() {}
                ),
            ),
            (
                quote!(),
                quote!(
                    struct Main;
                ),
            ),
        ] {
            let expansion = expanded(options, function);
            assert!(expansion.starts_with("::core::compile_error! {"), "{expansion}");
            assert!(expansion.ends_with("fn main() {}\n"), "{expansion}");
        }
    }
}
