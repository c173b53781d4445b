//! Finds the name under which the caller knows the crate `fibra`.

use proc_macro_crate::{FoundCrate, crate_name};
use syn::{Ident, Path, parse_quote};

/// The path to `fibra`, from the names in the caller's Cargo.toml: a dependency may be renamed there.
///
/// `fibra`'s own tests, examples and documentation are crates beside it and know it by its name, as do callers that are
/// built without Cargo, or get it through another crate; the latter have the option `crate`.
pub(crate) fn find() -> Path {
    let name = match crate_name("fibra") {
        Ok(FoundCrate::Name(name)) => name,
        Ok(FoundCrate::Itself) | Err(_) => String::from("fibra"),
    };
    absolute(&name)
}

fn absolute(name: &str) -> Path {
    // A dependency may be renamed to a keyword, if it is only ever written as a raw identifier.
    let name = syn::parse_str(name).unwrap_or_else(|_| Ident::new_raw(name, proc_macro2::Span::call_site()));
    parse_quote!(::#name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    #[test]
    fn a_name_becomes_a_path_from_outside_of_all_modules() {
        assert_eq!(absolute("fibra").to_token_stream().to_string(), ":: fibra");
        assert_eq!(absolute("async").to_token_stream().to_string(), ":: r#async");
    }
}
