//! `#[fibra::register]`.
//!
//! The function stays what and where it was. Beside it, a constant without a name hands it to the list from which registries are
//! filled:
//!
//! ```text
//! #[fibra::register]                    fn add(a: u64, b: u64) -> u64 { a + b }
//! fn add(a: u64, b: u64)                const _: () = {
//!     -> u64 { a + b }     becomes          use ::fibra::registry::compile_time;
//!                                           compile_time::submit! {
//!                                               compile_time::Registration::new("add", …the place of `add`…, |…| …)
//!                                           }
//!                                       };
//! ```

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Error, FnArg, ItemFn, LitStr, ParenthesizedGenericArguments, Path, Result, Signature, Token, TypeBareFn,
    TypeImplTrait, TypeReference,
};

use crate::options;

/// As many arguments as the registry's functions may have.
const MOST_ARGUMENTS: usize = 8;

pub(crate) fn expand(options: TokenStream, function: TokenStream, find_crate: fn() -> Path) -> TokenStream {
    let registration = expand_or_refuse(options, function.clone(), find_crate);
    // Others may call it: with the function gone they would have errors of their own.
    let registration = registration.unwrap_or_else(Error::into_compile_error);
    quote!(#function #registration)
}

fn expand_or_refuse(
    options: TokenStream,
    function: TokenStream,
    find_crate: fn() -> Path,
) -> Result<TokenStream> {
    let item = syn::parse2::<ItemFn>(function).map_err(|error| {
        Error::new(error.span(), format!("`#[fibra::register]` stands on a function: {error}"))
    })?;
    if let Some(refusals) = refusals(&item.sig) {
        return Err(refusals);
    }
    let Options { name, typed, fibra } = Options::parse(options)?;
    let fibra = fibra.unwrap_or_else(find_crate);
    let function = &item.sig.ident;
    let name = name.unwrap_or_else(|| LitStr::new(&function.unraw().to_string(), function.span()));
    // What `cfg`s say of the function holds for its registration.
    let conditions = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    // What the compiler has against its types is said at its name.
    let entry = match (typed, item.sig.asyncness) {
        (false, _) => quote_spanned!(function.span() => #function),
        (true, None) => quote_spanned!(function.span() => #fibra::registry::typed(#function)),
        (true, Some(_)) => quote_spanned!(function.span() => #fibra::registry::typed_async(#function)),
    };
    let register = quote_spanned!(function.span() => compile_time::register(registry, name, place, #entry));
    let place = quote_spanned!(function.span() => ::core::panic::Location::caller());
    Ok(quote! {
        #(#conditions)*
        const _: () = {
            use #fibra::registry::compile_time;
            compile_time::submit! {
                compile_time::Registration::new(#name, #place, |registry, name, place| #register)
            }
        };
    })
}

/// Why a function with this signature can't be registered.
fn refusals(signature: &Signature) -> Option<Error> {
    let Signature { unsafety, generics, inputs, variadic, .. } = signature;
    let too_many: TokenStream = inputs.iter().skip(MOST_ARGUMENTS).map(ToTokens::to_token_stream).collect();
    let receiver = inputs.iter().find(|input| matches!(input, FnArg::Receiver(_)));
    let generic_tokens = (!generics.params.is_empty()).then(|| generics.params.to_token_stream());
    let parts = [
        (
            unsafety.to_token_stream(),
            "be `unsafe`: it is called without anybody who could keep its conditions",
        ),
        (generic_tokens.unwrap_or_default(), "be generic: nothing would choose its parameters"),
        (receiver.to_token_stream(), "be a method: nothing would be its `self`"),
        (too_many, "have more than eight arguments"),
        (variadic.to_token_stream(), "have arguments without types"),
    ];
    let parts = parts.into_iter().filter(|(tokens, _)| !tokens.is_empty());
    let mut errors: Vec<_> = parts
        .map(|(tokens, reason)| {
            Error::new_spanned(tokens, format!("a function with `#[fibra::register]` cannot {reason}"))
        })
        .collect();
    if receiver.is_none() {
        let mut types = Types { errors: &mut errors, are_arguments: true };
        inputs.iter().for_each(|input| types.visit_fn_arg(input));
        types.are_arguments = false;
        types.visit_return_type(&signature.output);
    }
    errors.into_iter().reduce(|mut all, next| {
        all.combine(next);
        all
    })
}

/// Looks for what the types of a registered function can't have in them.
struct Types<'a> {
    errors: &'a mut Vec<Error>,
    are_arguments: bool,
}

impl Visit<'_> for Types<'_> {
    fn visit_type_reference(&mut self, reference: &TypeReference) {
        if reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
            let text =
                "a function with `#[fibra::register]` cannot borrow: its caller may be gone before it runs";
            self.errors.push(Error::new_spanned(reference, text));
        }
        visit::visit_type_reference(self, reference);
    }

    fn visit_type_impl_trait(&mut self, parameter: &TypeImplTrait) {
        // As a result it is one type, which the compiler knows.
        if self.are_arguments {
            let text =
                "a function with `#[fibra::register]` cannot be generic: nothing would choose this type";
            self.errors.push(Error::new_spanned(parameter, text));
        }
    }

    fn visit_type_bare_fn(&mut self, _: &TypeBareFn) {
        // What such a function borrows, it borrows when it is called.
    }

    fn visit_parenthesized_generic_arguments(&mut self, _: &ParenthesizedGenericArguments) {
        // As above, for `dyn Fn(&str)`.
    }
}

/// What stands in the parentheses.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    typed: bool,
    fibra: Option<Path>,
}

enum Setting {
    Name(LitStr),
    Typed,
    Crate(Path),
}

impl Options {
    fn parse(tokens: TokenStream) -> Result<Self> {
        let settings = Punctuated::<Named, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut options = Self::default();
        for Named(option, setting) in settings {
            let given_before = match setting {
                Setting::Name(name) => options.name.replace(name).is_some(),
                Setting::Typed => std::mem::replace(&mut options.typed, true),
                Setting::Crate(path) => options.fibra.replace(path).is_some(),
            };
            if given_before {
                return Err(Error::new(option.span(), format!("`{}` is given twice", option.unraw())));
            }
        }
        Ok(options)
    }
}

struct Named(Ident, Setting);

impl Parse for Named {
    fn parse(input: ParseStream) -> Result<Self> {
        // `crate` is a keyword, and no `Ident` to the ordinary parser.
        let option = input.call(Ident::parse_any)?;
        let setting = match option.to_string().as_str() {
            "typed" => Setting::Typed,
            "name" => {
                input.parse::<Token![=]>()?;
                Setting::Name(input.parse()?)
            }
            "crate" => {
                input.parse::<Token![=]>()?;
                Setting::Crate(input.call(options::path)?)
            }
            unknown => {
                let text = format!("there is no option `{unknown}`; there are `name`, `typed` and `crate`");
                return Err(Error::new(option.span(), text));
            }
        };
        Ok(Self(option, setting))
    }
}

/// What isn't compiled.
///
/// ```compile_fail
/// #[fibra::register] // stands on a function
/// struct Add;
/// ```
///
/// ```compile_fail
/// #[fibra::register] // nothing would choose T
/// fn first<T: Send + 'static>(values: Vec<T>) -> usize { values.len() }
/// ```
///
/// ```compile_fail
/// #[fibra::register] // the caller may be gone before it runs
/// fn length(text: &str) -> usize { text.len() }
/// ```
///
/// ```compile_fail
/// #[fibra::register] // nobody could keep its conditions
/// unsafe fn read(address: usize) -> u8 { unsafe { *(address as *const u8) } }
/// ```
///
/// ```compile_fail
/// #[fibra::register] // nine
/// fn sum(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) -> u8 { a + b + c + d + e + f + g + h + i }
/// ```
///
/// ```compile_fail
/// struct Counter(u8);
/// impl Counter {
///     #[fibra::register] // a method
///     fn next(&self) -> u8 { self.0 + 1 }
/// }
/// ```
///
/// ```compile_fail,E0277
/// #[fibra::register] // serde doesn't know this type: `typed` is missing
/// fn age(since: std::time::Instant) -> u64 { since.elapsed().as_secs() }
/// ```
#[cfg(doctest)]
struct Refusals;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretty::pretty;
    use syn::parse_quote;

    fn expanded(options: TokenStream, function: TokenStream) -> String {
        pretty(expand(options, function, || parse_quote!(::fibra)))
    }

    fn refusals_of(function: TokenStream) -> Vec<String> {
        let refusal =
            expand_or_refuse(quote!(), function, || parse_quote!(::fibra)).expect_err("it is refused");
        refusal.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn a_function_stays_and_is_handed_over_under_its_name() {
        let function = quote! {
            /// Adds.
            #[cfg(feature = "sums")]
            pub fn r#add(a: u64, b: u64) -> u64 { a + b }
        };
        let expected = quote! {
            #function
            #[cfg(feature = "sums")]
            const _: () = {
                use ::fibra::registry::compile_time;
                compile_time::submit! {
                    compile_time::Registration::new(
                        "add",
                        ::core::panic::Location::caller(),
                        |registry, name, place| compile_time::register(registry, name, place, r#add)
                    )
                }
            };
        };
        assert_eq!(expanded(quote!(), function), pretty(expected));
    }

    #[test]
    fn options_say_the_name_the_kind_and_the_crate() {
        // Lines are broken anywhere inside of another macro.
        let squeezed = |function| -> String {
            let options = quote!(name = "math.add", typed, crate = crate::f);
            expanded(options, function).split_whitespace().collect()
        };
        let plain = squeezed(quote!(
            fn add() {}
        ));
        assert!(plain.contains("usecrate::f::registry::compile_time;"), "{plain}");
        assert!(plain.contains("Registration::new(\"math.add\","), "{plain}");
        assert!(plain.contains("crate::f::registry::typed(add)"), "{plain}");
        let asynchronous = squeezed(quote!(
            async fn add() {}
        ));
        assert!(asynchronous.contains("crate::f::registry::typed_async(add)"), "{asynchronous}");
    }

    #[test]
    fn options_that_are_unknown_or_given_twice_are_refused() {
        let refusal = |options| Options::parse(options).err().expect("bad options").to_string();
        assert_eq!(
            refusal(quote!(title = "x")),
            "there is no option `title`; there are `name`, `typed` and `crate`"
        );
        assert_eq!(refusal(quote!(typed, typed)), "`typed` is given twice");
        assert_eq!(refusal(quote!(name = "a", name = "b")), "`name` is given twice");
        assert_eq!(refusal(quote!(name = add)), "expected string literal");
        assert!(refusal(quote!("add")).contains("expected ident"));
    }

    /// That each function is refused for this reason alone.
    fn assert_refused(reason: &str, functions: impl IntoIterator<Item = TokenStream>) {
        for function in functions {
            let refusals = refusals_of(function);
            assert_eq!(refusals.len(), 1, "{refusals:?}");
            assert!(refusals[0].contains(reason), "{refusals:?}");
        }
    }

    #[test]
    fn what_cannot_be_registered_is_refused_with_the_reason() {
        assert_refused(
            "cannot be `unsafe`",
            [quote!(
                unsafe fn f() {}
            )],
        );
        let generic = [
            quote!(
                fn f<T>() {}
            ),
            quote!(
                fn f(text: impl Into<String>) {}
            ),
        ];
        assert_refused("cannot be generic", generic);
        let methods = [
            quote!(
                fn f(&self) {}
            ),
            quote!(
                fn f(self: Arc<Self>) {}
            ),
        ];
        assert_refused("cannot be a method", methods);
        let borrowing = [
            quote!(
                fn f(text: &str) {}
            ),
            quote!(
                fn f(texts: Vec<(u8, &'a str)>) {}
            ),
            quote!(
                fn f() -> Option<&str> {}
            ),
        ];
        assert_refused("cannot borrow", borrowing);
        let nine = quote!(
            fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) {}
        );
        assert_refused("cannot have more than eight arguments", [nine]);
        let others = [
            quote!(
                struct F;
            ),
            quote!(
                fn f();
            ),
        ];
        assert_refused("`#[fibra::register]` stands on a function: ", others);
        assert_eq!(
            refusals_of(quote!(
                unsafe fn f<T>(text: &str) {}
            ))
            .len(),
            3
        );
    }

    #[test]
    fn what_borrows_for_ever_or_only_when_it_is_called_is_accepted() {
        for function in [
            quote!(
                fn f(text: &'static str) -> &'static str {}
            ),
            quote!(
                fn f(length: fn(&str) -> usize, each: Box<dyn Fn(&str) + Send>) {}
            ),
            quote!(
                fn f() -> impl Iterator<Item = u8> {}
            ),
            quote!(
                const fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {}
            ),
        ] {
            expand_or_refuse(quote!(), function, || parse_quote!(::fibra)).expect("accepted");
        }
    }

    #[test]
    fn a_refused_function_stays_for_those_who_call_it() {
        let expansion = expanded(
            quote!(),
            quote!(
                fn f<T>() {}
            ),
        );
        assert!(expansion.starts_with("fn f<T>() {}\n::core::compile_error! {"), "{expansion}");
    }
}
