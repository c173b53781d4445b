//! The functions that an attribute may stand on.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{AttrStyle, Error, ItemFn, Path, Result, ReturnType, Signature, Type};

/// Reads a function that takes nothing and can be called by nobody but us.
pub(crate) fn parse(attribute: &str, tokens: TokenStream) -> Result<ItemFn> {
    // Whatever else it is, the message should say what the attribute is for.
    let mut item = syn::parse2::<ItemFn>(tokens).map_err(|error| {
        Error::new(error.span(), format!("`#[{attribute}]` stands on a function: {error}"))
    })?;
    let all = refusals(attribute, &item.sig).reduce(|mut all, next| {
        all.combine(next);
        all
    });
    if let Some(refusals) = all {
        return Err(refusals);
    }
    // Those inside of the braces mean the same before the function, which is where they are written again.
    item.attrs.iter_mut().for_each(|attribute| attribute.style = AttrStyle::Outer);
    Ok(item)
}

/// Why a function with this signature is refused, one reason for each part of it.
fn refusals(attribute: &str, signature: &Signature) -> impl Iterator<Item = Error> {
    let Signature { constness, unsafety, abi, generics, inputs, .. } = signature;
    let generic_tokens = (generics.lt_token.is_some()).then(|| generics.params.to_token_stream());
    let parts = [
        (constness.to_token_stream(), "be `const`: it runs when the runtime does"),
        (
            unsafety.to_token_stream(),
            "be `unsafe`: it is called without anybody who could keep its conditions",
        ),
        (abi.to_token_stream(), "have an ABI of its own: only the runtime calls it"),
        (generic_tokens.unwrap_or_default(), "be generic: nothing would choose its parameters"),
        (generics.where_clause.to_token_stream(), "have a `where` clause: it has no parameters"),
        (inputs.to_token_stream(), "take arguments: nothing would pass them"),
    ];
    parts.into_iter().filter(|(tokens, _)| !tokens.is_empty()).map(move |(tokens, reason)| {
        Error::new_spanned(tokens, format!("a function with `#[{attribute}]` cannot {reason}"))
    })
}

/// The call of the function, waited for if it is `async`.
pub(crate) fn call(fibra: &Path, signature: &Signature, function: TokenStream) -> TokenStream {
    match signature.asyncness {
        Some(_) => quote!(#fibra::wait(#function())),
        None => quote!(#function()),
    }
}

/// Whether the function returns nothing, said or unsaid.
pub(crate) fn returns_nothing(signature: &Signature) -> bool {
    match &signature.output {
        ReturnType::Default => true,
        ReturnType::Type(_, output) => matches!(&**output, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

/// A closure that calls the function and turns what it returned into an exit status.
///
/// This happens on its own green thread: an `Err` may hold what must not leave its thread, such as a `Box<dyn Error>`. A
/// type that is no exit status is reported at the place where it is written.
pub(crate) fn status_closure(signature: &Signature, call: TokenStream) -> TokenStream {
    let status = match &signature.output {
        // It never returns, and code after it would be called unreachable.
        ReturnType::Type(_, output) if matches!(**output, Type::Never(_)) => call,
        ReturnType::Type(_, output) => {
            let report = quote_spanned!(output.span() => ::std::process::Termination::report);
            quote!(#report(#call))
        }
        ReturnType::Default => quote!(::std::process::Termination::report(#call)),
    };
    quote!(|| -> ::std::process::ExitCode { #status })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals_of(tokens: TokenStream) -> Vec<String> {
        let Err(error) = parse("fibra::main", tokens) else { panic!("it is refused") };
        error.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn an_ordinary_function_is_accepted() {
        for tokens in [
            quote!(
                fn main() {}
            ),
            quote!(
                async fn main() {}
            ),
            quote!(
                pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
                    Ok(())
                }
            ),
        ] {
            parse("fibra::main", tokens).expect("accepted");
        }
    }

    #[test]
    fn nothing_is_nothing_said_or_unsaid() {
        let returns_nothing = |tokens| returns_nothing(&parse("fibra::test", tokens).expect("accepted").sig);
        assert!(returns_nothing(quote!(
            fn echo() {}
        )));
        assert!(returns_nothing(quote!(
            async fn echo() -> () {}
        )));
        assert!(!returns_nothing(quote!(
            fn echo() -> ((),) {}
        )));
        assert!(!returns_nothing(quote!(
            fn echo() -> ! {}
        )));
    }

    #[test]
    fn a_function_that_never_returns_is_followed_by_nothing() {
        let item = parse(
            "fibra::main",
            quote!(
                fn main() -> ! {}
            ),
        )
        .expect("accepted");
        let closure = status_closure(&item.sig, quote!(main()));
        assert_eq!(closure.to_string(), quote!(|| -> ::std::process::ExitCode { main() }).to_string());
    }

    #[test]
    fn attributes_inside_of_the_braces_move_before_the_function() {
        let item = parse(
            "fibra::main",
            quote!(
                #[a]
                fn main() {
                    #![b]
                }
            ),
        )
        .expect("accepted");
        let attributes = item.attrs.iter().map(|attribute| attribute.to_token_stream().to_string());
        assert_eq!(attributes.collect::<Vec<_>>(), ["# [a]", "# [b]"]);
    }

    #[test]
    fn what_nobody_could_call_is_refused_with_the_reason() {
        let reason_of = |tokens| {
            let refusals = refusals_of(tokens);
            assert_eq!(refusals.len(), 1, "{refusals:?}");
            refusals.into_iter().next().unwrap_or_default()
        };
        assert!(
            reason_of(quote!(
                const fn main() {}
            ))
            .contains("cannot be `const`")
        );
        assert!(
            reason_of(quote!(
                unsafe fn main() {}
            ))
            .contains("cannot be `unsafe`")
        );
        assert!(
            reason_of(quote!(
                extern "C" fn main() {}
            ))
            .contains("an ABI of its own")
        );
        assert!(
            reason_of(quote!(
                fn main<T>() {}
            ))
            .contains("cannot be generic")
        );
        assert!(
            reason_of(quote!(
                fn main<'a>() {}
            ))
            .contains("cannot be generic")
        );
        assert!(
            reason_of(quote!(
                fn main()
                where
                    u8: Copy,
                {
                }
            ))
            .contains("`where` clause")
        );
        assert!(
            reason_of(quote!(
                fn main(count: usize) {}
            ))
            .contains("cannot take arguments")
        );
        assert!(
            reason_of(quote!(
                fn main(self) {}
            ))
            .contains("cannot take arguments")
        );
    }

    #[test]
    fn each_fault_is_reported() {
        assert_eq!(
            refusals_of(quote!(
                unsafe fn main<T>(value: T) {}
            ))
            .len(),
            3
        );
    }

    #[test]
    fn anything_but_a_function_is_refused() {
        for tokens in [
            quote!(
                struct Main;
            ),
            quote!(),
            quote!(
                fn main();
            ),
        ] {
            assert!(refusals_of(tokens)[0].starts_with("`#[fibra::main]` stands on a function: "));
        }
    }
}
