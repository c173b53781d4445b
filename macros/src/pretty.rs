//! How tests see what a macro makes: formatted, so that a difference can be read.

use proc_macro2::TokenStream;

/// Items as `prettyplease` formats them.
pub fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).expect("items"))
}
