//! What one file does, as far as the rules ask: collected in one walk over its syntax.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Meta, Signature, UseTree, Visibility};

use super::tokens;

#[derive(Default)]
pub struct Facts {
    pub paths: Vec<PathUse>,
    pub modules: Vec<ModuleLine>,
    pub cfgs: Vec<CfgUse>,
    pub functions: Vec<Function>,
    pub unsafes: Vec<UnsafeUse>,
    pub macros: Vec<MacroUse>,
}

/// A path of an import, an expression or a type.
pub struct PathUse {
    pub segments: Vec<String>,
    /// The inline modules around it, outermost first.
    pub inside: Vec<String>,
    pub line: usize,
    pub in_test: bool,
}

pub struct ModuleLine {
    pub name: String,
    pub inside: Vec<String>,
    /// As `#[path = "…"]` names it.
    pub file: Option<String>,
    pub line: usize,
    pub inline: bool,
    pub in_test: bool,
}

/// A condition on the platform.
pub struct CfgUse {
    pub asked: String,
    pub place: CfgPlace,
    pub line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CfgPlace {
    /// On `mod name;`.
    ModLine,
    /// `#![cfg(…)]` of the whole file.
    File,
    Elsewhere,
}

pub struct Function {
    pub name: String,
    pub line: usize,
    /// From the signature to the closing brace.
    pub length: usize,
    /// It is public and makes a future, and its documentation is silent about the future's end before its time.
    pub is_silent_future: bool,
}

pub struct UnsafeUse {
    pub kind: UnsafeKind,
    pub line: usize,
    /// Whether a `// SAFETY:` comment or a `# Safety` section argues it.
    pub argued: bool,
    pub in_test: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnsafeKind {
    Block,
    Impl,
    Function,
    Trait,
}

pub struct MacroUse {
    pub name: String,
    pub line: usize,
    pub in_test: bool,
    /// Inside of a macro that is exported: it becomes part of whoever calls that one.
    pub for_callers: bool,
}

impl Facts {
    pub fn of(file: &syn::File, text: &str) -> Facts {
        let mut walk = Walk { lines: text.lines().collect(), ..Walk::default() };
        walk.in_test = is_test(&file.attrs);
        walk.shared_contract = has_safety_section(&file.attrs);
        walk.cfgs_of(&file.attrs, CfgPlace::File);
        for item in &file.items {
            walk.visit_item(item);
        }
        walk.facts
    }

    /// Whoever includes this file does so only for tests.
    pub fn mark_as_test(&mut self) {
        let paths = self.paths.iter_mut().map(|path| &mut path.in_test);
        let modules = self.modules.iter_mut().map(|module| &mut module.in_test);
        let unsafes = self.unsafes.iter_mut().map(|found| &mut found.in_test);
        let macros = self.macros.iter_mut().map(|found| &mut found.in_test);
        paths.chain(modules).chain(unsafes).chain(macros).for_each(|in_test| *in_test = true);
    }
}

#[derive(Default)]
struct Walk<'text> {
    lines: Vec<&'text str>,
    facts: Facts,
    in_test: bool,
    /// The inline modules we stand in.
    inside: Vec<String>,
    /// The first line of the innermost statement, arm, field or item: a comment above it argues what it holds.
    statement: usize,
    /// In `impl Trait for`, where the trait states the contract, or in an `extern` block.
    contract_elsewhere: bool,
    /// The documentation of the file or the impl states one contract for all its private functions.
    shared_contract: bool,
    /// In a macro that is exported.
    for_callers: bool,
}

impl Walk<'_> {
    /// Visits `node`, whose attributes are `attributes`, as a statement of its own.
    fn within(&mut self, attributes: &[Attribute], span: Span, visit: impl FnOnce(&mut Self)) {
        let (in_test, statement) = (self.in_test, self.statement);
        self.in_test |= is_test(attributes);
        self.statement = span.start().line;
        visit(self);
        (self.in_test, self.statement) = (in_test, statement);
    }

    fn path(&mut self, segments: Vec<String>, line: usize) {
        let (inside, in_test) = (self.inside.clone(), self.in_test);
        self.facts.paths.push(PathUse { segments, inside, line, in_test });
    }

    fn used(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.used(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => self.path(prefix.to_vec(), line_of(&name.ident)),
            UseTree::Name(name) => self.path(with(&name.ident), line_of(&name.ident)),
            UseTree::Rename(rename) => self.path(with(&rename.ident), line_of(&rename.ident)),
            UseTree::Glob(glob) => self.path(prefix.to_vec(), line_of(glob)),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.used(item, prefix)),
        }
    }

    fn cfgs_of(&mut self, attributes: &[Attribute], place: CfgPlace) {
        for attribute in attributes {
            if let Meta::List(list) = &attribute.meta
                && (list.path.is_ident("cfg") || list.path.is_ident("cfg_attr"))
            {
                self.cfg(list.tokens.clone(), place);
            }
        }
    }

    fn cfg(&mut self, predicate: TokenStream, place: CfgPlace) {
        for (asked, line) in tokens::platform_questions(predicate) {
            self.facts.cfgs.push(CfgUse { asked, place, line });
        }
    }

    fn macro_use(&mut self, name: String, line: usize) {
        let (in_test, for_callers) = (self.in_test, self.for_callers);
        self.facts.macros.push(MacroUse { name, line, in_test, for_callers });
    }

    fn unsafe_use(&mut self, kind: UnsafeKind, line: usize, argued: bool) {
        self.facts.unsafes.push(UnsafeUse { kind, line, argued, in_test: self.in_test });
    }

    fn signature(
        &mut self,
        signature: &Signature,
        visibility: &Visibility,
        attributes: &[Attribute],
        body: Option<&Block>,
    ) {
        if signature.unsafety.is_some() {
            let shared = self.shared_contract && matches!(visibility, Visibility::Inherited);
            let argued = self.contract_elsewhere || shared || has_safety_section(attributes);
            self.unsafe_use(UnsafeKind::Function, line_of(signature), argued);
        }
        if let Some(body) = body {
            let line = line_of(signature);
            let length = body.span().end().line - line + 1;
            let name = signature.ident.to_string();
            let makes_future = signature.asyncness.is_some() || name.ends_with("_async");
            let is_silent_future = makes_future
                && matches!(visibility, Visibility::Public(_))
                && !documentation_says(attributes, &["# Cancellation", "Dropping"]);
            self.facts.functions.push(Function { name, line, length, is_silent_future });
        }
    }

    /// Whether `// SAFETY:` stands in the line, or in the comment right above it or above its statement.
    fn is_argued(&self, line: usize) -> bool {
        let holds = |line: usize| self.lines.get(line - 1).is_some_and(|text| text.contains("SAFETY:"));
        let commented = |below: usize| {
            (1..below).rev().take_while(|&line| is_comment_or_attribute(self.lines[line - 1])).any(holds)
        };
        holds(line) || commented(line) || (self.statement > 0 && commented(self.statement))
    }

    /// Looks into the arguments of a macro, which have no syntax yet.
    fn macro_tokens(&mut self, stream: TokenStream) {
        let found = tokens::scan(stream);
        for (segments, line) in found.paths {
            self.path(segments, line);
        }
        for (name, line) in found.macros {
            self.macro_use(name, line);
        }
        for line in found.unsafe_blocks {
            let argued = self.is_argued(line);
            self.unsafe_use(UnsafeKind::Block, line, argued);
        }
        for (asked, line) in found.platform_questions {
            self.facts.cfgs.push(CfgUse { asked, place: CfgPlace::Elsewhere, line });
        }
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.within(attributes_of(item), item.span(), |walk| visit::visit_item(walk, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let (name, inside) = (item.ident.to_string(), self.inside.clone());
        let (line, inline, in_test) = (line_of(&item.ident), item.content.is_some(), self.in_test);
        let file = item.attrs.iter().find_map(named_file);
        self.facts.modules.push(ModuleLine { name: name.clone(), inside, file, line, inline, in_test });
        if inline {
            self.inside.push(name);
            visit::visit_item_mod(self, item);
            self.inside.pop();
        } else {
            self.cfgs_of(&item.attrs, CfgPlace::ModLine);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.cfgs_of(&item.attrs, CfgPlace::Elsewhere);
        self.used(&item.tree, &[]);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.signature(&item.sig, &item.vis, &item.attrs, Some(&item.block));
        visit::visit_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if item.unsafety.is_some() {
            self.unsafe_use(UnsafeKind::Trait, line_of(&item.ident), has_safety_section(&item.attrs));
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.unsafety.is_some() {
            let line = line_of(&item.impl_token);
            let argued = self.is_argued(line);
            self.unsafe_use(UnsafeKind::Impl, line, argued);
        }
        let outer = (self.contract_elsewhere, self.shared_contract);
        self.contract_elsewhere = item.trait_.is_some();
        self.shared_contract |= has_safety_section(&item.attrs);
        visit::visit_item_impl(self, item);
        (self.contract_elsewhere, self.shared_contract) = outer;
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        self.for_callers = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
        visit::visit_item_macro(self, item);
        self.for_callers = false;
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(item) => &item.attrs[..],
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        self.within(attributes, item.span(), |walk| visit::visit_impl_item(walk, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.signature(&item.sig, &item.vis, &item.attrs, Some(&item.block));
        let outer = std::mem::replace(&mut self.contract_elsewhere, false);
        visit::visit_impl_item_fn(self, item);
        self.contract_elsewhere = outer;
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.signature(&item.sig, &Visibility::Inherited, &item.attrs, item.default.as_ref());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        let attributes = match statement {
            syn::Stmt::Local(local) => &local.attrs[..],
            syn::Stmt::Macro(call) => &call.attrs,
            _ => &[],
        };
        self.within(attributes, statement.span(), |walk| visit::visit_stmt(walk, statement));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.within(&arm.attrs, arm.span(), |walk| visit::visit_arm(walk, arm));
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        self.within(&field.attrs, field.span(), |walk| visit::visit_field_value(walk, field));
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        let line = line_of(&block.unsafe_token);
        let argued = self.is_argued(line);
        self.unsafe_use(UnsafeKind::Block, line, argued);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(segments, line_of(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if name == "cfg" {
            self.cfg(call.tokens.clone(), CfgPlace::Elsewhere);
        } else {
            self.macro_tokens(call.tokens.clone());
        }
        self.macro_use(name, line_of(call));
        self.visit_path(&call.path);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.cfgs_of(std::slice::from_ref(attribute), CfgPlace::Elsewhere);
        if attribute.path().is_ident("thread_local") {
            self.macro_use("thread_local".to_owned(), line_of(attribute));
        }
    }

    /// `pub(crate)` and `pub(in path)` import nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn line_of(node: &impl Spanned) -> usize {
    node.span().start().line
}

fn is_comment_or_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.starts_with("#[")
}

fn has_safety_section(attributes: &[Attribute]) -> bool {
    documentation_says(attributes, &["# Safety"])
}

/// Whether a line of the documentation has one of `words` in it.
fn documentation_says(attributes: &[Attribute], words: &[&str]) -> bool {
    let says = |text: String| words.iter().any(|word| text.contains(word));
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).any(|attribute| {
        matches!(&attribute.meta, Meta::NameValue(doc)
            if matches!(&doc.value, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })
                if says(text.value())))
    })
}

/// The file in `#[path = "…"]`.
fn named_file(attribute: &syn::Attribute) -> Option<String> {
    let Meta::NameValue(named) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. }) = &named.value else { return None };
    named.path.is_ident("path").then(|| file.value())
}

/// `#[test]`, or compiled only for tests or models.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => tokens::asks_for_test(list.tokens.clone()),
        _ => false,
    })
}

fn attributes_of(item: &syn::Item) -> &[Attribute] {
    use syn::Item;
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
