//! The functions that an attribute may stand on.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{AttrStyle, Error, ItemFn, Path, Result, ReturnType, Signature};

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

/// Turns what the function returned into an exit status.
///
/// This happens on its own green thread: an `Err` may hold what must not leave its thread, such as a `Box<dyn Error>`. A
/// type that is no exit status is reported at the place where it is written.
pub(crate) fn report(signature: &Signature, call: TokenStream) -> TokenStream {
    let span = match &signature.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, output) => output.span(),
    };
    let report = quote_spanned!(span => ::std::process::Termination::report);
    quote!(#report(#call))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals_of(tokens: TokenStream) -> Vec<String> {
        let error = parse("fibra::main", tokens).err().expect("refused");
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
