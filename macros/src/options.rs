//! The options in the parentheses of an attribute.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitStr, Path, Result, Token};

/// How a runtime talks to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Backend {
    IoUring,
    Epoll,
    Kqueue,
    Iocp,
}

impl Backend {
    /// Of all systems: which of them there are, a system's own fibra knows.
    pub(crate) const ALL: [Backend; 4] = [Backend::IoUring, Backend::Epoll, Backend::Kqueue, Backend::Iocp];

    /// Its name in options, in the environment, and as a test.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Backend::IoUring => "io_uring",
            Backend::Epoll => "epoll",
            Backend::Kqueue => "kqueue",
            Backend::Iocp => "iocp",
        }
    }

    /// Its name as a variant of `fibra::Backend`.
    fn variant(self) -> Ident {
        let name = match self {
            Backend::IoUring => "IoUring",
            Backend::Epoll => "Epoll",
            Backend::Kqueue => "Kqueue",
            Backend::Iocp => "Iocp",
        };
        Ident::new(name, Span::call_site())
    }
}

/// What an attribute asks for.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) backend: Option<Backend>,
    workers: Option<Expr>,
    stack_size: Option<Expr>,
    start_paused: Option<Expr>,
    fibra: Option<Path>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let settings = Punctuated::<Setting, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut options = Options::default();
        for Setting { name, value } in settings {
            let given_before = match value {
                Value::Backend(backend) => options.backend.replace(backend).is_some(),
                Value::Workers(workers) => options.workers.replace(workers).is_some(),
                Value::StackSize(size) => options.stack_size.replace(size).is_some(),
                Value::StartPaused(paused) => options.start_paused.replace(paused).is_some(),
                Value::Crate(path) => options.fibra.replace(path).is_some(),
            };
            if given_before {
                return Err(Error::new(name.span(), format!("`{}` is given twice", name.unraw())));
            }
        }
        Ok(options)
    }

    /// The path to `fibra`.
    pub(crate) fn crate_path(&self, find: impl FnOnce() -> Path) -> Path {
        self.fibra.clone().unwrap_or_else(find)
    }

    /// The expression that makes the runtime's builder, on `backend` if there is one.
    pub(crate) fn builder(&self, fibra: &Path, backend: Option<Backend>) -> TokenStream {
        let workers = self.workers.iter();
        let stack_size = self.stack_size.iter();
        let start_paused = self.start_paused.iter();
        let backend = backend.map(Backend::variant).into_iter();
        quote! {
            #fibra::Builder::new()
                #(.workers(#workers))*
                #(.stack_size(#stack_size))*
                #(.start_paused(#start_paused))*
                #(.backend(#fibra::Backend::#backend))*
        }
    }
}

/// One option.
struct Setting {
    name: Ident,
    value: Value,
}

enum Value {
    Backend(Backend),
    Workers(Expr),
    StackSize(Expr),
    StartPaused(Expr),
    Crate(Path),
}

impl Parse for Setting {
    fn parse(input: ParseStream) -> Result<Self> {
        // `crate` is a keyword, and no `Ident` to the ordinary parser.
        let name = input.call(Ident::parse_any)?;
        let read_value = match name.to_string().as_str() {
            "backend" => |input: ParseStream| input.call(backend).map(Value::Backend),
            "workers" => |input: ParseStream| input.parse().map(Value::Workers),
            "stack_size" => |input: ParseStream| input.parse().map(Value::StackSize),
            // Alone it says enough.
            "start_paused" if !input.peek(Token![=]) => {
                return Ok(Setting { name, value: Value::StartPaused(syn::parse_quote!(true)) });
            }
            "start_paused" => |input: ParseStream| input.parse().map(Value::StartPaused),
            "crate" => |input: ParseStream| input.call(path).map(Value::Crate),
            unknown => {
                let known = "`workers`, `backend`, `stack_size`, `start_paused` and `crate`";
                return Err(Error::new(
                    name.span(),
                    format!("there is no option `{unknown}`; there are {known}"),
                ));
            }
        };
        input.parse::<Token![=]>()?;
        Ok(Setting { name, value: read_value(input)? })
    }
}

fn backend(input: ParseStream) -> Result<Backend> {
    let name: LitStr = input.parse()?;
    let backend = Backend::ALL.into_iter().find(|backend| backend.name() == name.value());
    backend.ok_or_else(|| {
        let text = format!(
            "there is no backend {:?}; there are \"io_uring\", \"epoll\", \"kqueue\" and \"iocp\"",
            name.value()
        );
        Error::new(name.span(), text)
    })
}

/// The value of the option `crate`.
pub(crate) fn path(input: ParseStream) -> Result<Path> {
    // Tokio's attribute wants a string here: habits die hard.
    let path: Path = if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse()?
    } else {
        input.call(Path::parse_mod_style)?
    };
    let first = &path.segments[0].ident;
    if first == "self" || first == "super" {
        // The path is used in a module that the attribute makes as well.
        return Err(Error::new(
            first.span(),
            "the path must start at `crate`, or with the name of a dependency",
        ));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    fn builder(options: TokenStream) -> String {
        let options = Options::parse(options).expect("good options");
        let path = options.crate_path(|| syn::parse_quote!(::fibra));
        options.builder(&path, options.backend).to_string()
    }

    fn error(options: TokenStream) -> String {
        Options::parse(options).err().expect("bad options").to_string()
    }

    #[test]
    fn each_option_becomes_a_call_of_the_builder() {
        assert_eq!(builder(quote!()), quote!(::fibra::Builder::new()).to_string());
        let all = quote!(stack_size = 64 * KIB, backend = "io_uring", workers = 2,);
        let expected = quote! {
            ::fibra::Builder::new().workers(2).stack_size(64 * KIB).backend(::fibra::Backend::IoUring)
        };
        assert_eq!(builder(all), expected.to_string());
        let paused = quote!(::fibra::Builder::new().start_paused(true)).to_string();
        assert_eq!(builder(quote!(start_paused)), paused);
        assert_eq!(builder(quote!(start_paused = true)), paused);
        let epoll = quote!(::fibra::Builder::new().backend(::fibra::Backend::Epoll));
        assert_eq!(builder(quote!(backend = "epoll")), epoll.to_string());
    }

    #[test]
    fn the_crate_may_be_given_as_a_path_or_as_a_string() {
        let find = || -> Path { unreachable!("it is given") };
        for tokens in [quote!(crate = crate::reexported::fibra), quote!(crate = "crate::reexported::fibra")] {
            let path = Options::parse(tokens).expect("good options").crate_path(find);
            assert_eq!(path.to_token_stream().to_string(), "crate :: reexported :: fibra");
        }
        let path = Options::parse(quote!(crate = ::f)).expect("good options").crate_path(find);
        assert_eq!(path.to_token_stream().to_string(), ":: f");
    }

    #[test]
    fn a_path_that_means_something_else_in_another_module_is_refused() {
        for tokens in [quote!(crate = self::fibra), quote!(crate = "super::fibra")] {
            assert!(error(tokens).contains("must start at `crate`"));
        }
    }

    #[test]
    fn what_is_unknown_twice_or_malformed_is_refused() {
        assert_eq!(
            error(quote!(threads = 4)),
            "there is no option `threads`; there are `workers`, `backend`, `stack_size`, `start_paused` and `crate`"
        );
        assert_eq!(
            error(quote!(backend = "rings")),
            "there is no backend \"rings\"; there are \"io_uring\", \"epoll\", \"kqueue\" and \"iocp\""
        );
        assert_eq!(error(quote!(workers = 1, workers = 2)), "`workers` is given twice");
        assert_eq!(error(quote!(crate = a, crate = b)), "`crate` is given twice");
        assert_eq!(error(quote!(backend = epoll)), "expected string literal");
        assert_eq!(error(quote!(workers)), "expected `=`");
        assert!(error(quote!("workers")).contains("expected ident"));
    }
}
