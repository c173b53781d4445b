//! Which token is whose child: one table for all tokens that stem from one root.
//!
//! ```text
//!   token ──► Member ──► its node: parent ▲, first child ▼, siblings ◄ ►     (indices, under the tree's lock)
//!                └─────► its event ◄────── its node                          (has its own lock, and a flag to look at)
//! ```
//!
//! *A node is there for as long as its token.* With the last clone it goes, and its children become its parent's: so a
//! chain of tokens, each a child of the one before, is no longer than those tokens that are still held, and what is
//! above a token is always cancelled into it.
//!
//! *A cancel takes the children off one at a time*, and hangs theirs in their place: no recursion, no list, and the lock is
//! free in between. A child is declared cancelled while the lock is held, and those that wait for it are woken when
//! it is not. Whoever makes a child sees under the lock whether its parent is cancelled.
//!
//! The lock is one that puts its waiters to sleep: to hang up the children of a node that has very many takes a while.

use super::super::event::Event;
use crate::primitive::Mutex;
use std::{
    mem,
    sync::{Arc, PoisonError},
};

/// A token's place in its tree, kept by its clones together.
pub(super) struct Member {
    tree: Arc<Tree>,
    place: u32,
    cancelled: Arc<Event>,
}

struct Tree(Mutex<Nodes>);

/// No node.
const NIL: u32 = u32::MAX;

struct Node {
    event: Arc<Event>,
    parent: u32,
    first_child: u32,
    /// Siblings; [`NIL`] at both ends.
    before: u32,
    behind: u32,
}

enum Place {
    Free { next: u32 },
    Taken(Node),
}

struct Nodes {
    places: Vec<Place>,
    free: u32,
}

impl Member {
    pub(super) fn root() -> Self {
        let tree = Arc::new(Tree(Mutex::new(Nodes { places: Vec::new(), free: NIL })));
        let (place, cancelled) = tree.with(|nodes| nodes.add(NIL));
        Self { tree, place, cancelled }
    }

    pub(super) fn child(&self) -> Self {
        let (place, cancelled) = self.tree.with(|nodes| nodes.add(self.place));
        Self { tree: Arc::clone(&self.tree), place, cancelled }
    }

    /// Happens when the token is cancelled.
    #[inline]
    pub(super) fn cancelled(&self) -> &Event {
        &self.cancelled
    }

    /// Cancels the token and all below it; when it returns, all are cancelled, whoever else cancels some of them.
    pub(super) fn cancel(&self) {
        self.tree.with(|_| self.cancelled.declare());
        self.cancelled.announce();
        while let Some(child) = self.tree.with(|nodes| nodes.take_child(self.place)) {
            child.announce();
        }
        // Now, not earlier: a cancel from above has to find those below us for as long as they are not cancelled.
        self.tree.with(|nodes| nodes.unlink(self.place));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Dropped without the lock, though by now nobody can be waiting for it.
        let _event = self.tree.with(|nodes| nodes.remove(self.place));
    }
}

impl Tree {
    fn with<R>(&self, change: impl FnOnce(&mut Nodes) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Nodes {
    /// A new node below `parent`; by itself if there is none, or if it is cancelled, as the node is then.
    fn add(&mut self, parent: u32) -> (u32, Arc<Event>) {
        let is_cancelled = parent != NIL && self.node(parent).event.has_happened();
        let event = Arc::new(Event::new(is_cancelled));
        let node =
            Node { event: Arc::clone(&event), parent: NIL, first_child: NIL, before: NIL, behind: NIL };
        let place = self.take_place(node);
        if parent != NIL && !is_cancelled {
            self.link(place, parent);
        }
        (place, event)
    }

    /// Takes a node out whose token is gone.
    fn remove(&mut self, place: u32) -> Arc<Event> {
        let parent = self.node(place).parent;
        self.unlink(place);
        self.move_children(place, parent);
        let removed = mem::replace(&mut self.places[place as usize], Place::Free { next: self.free });
        self.free = place;
        let Place::Taken(node) = removed else {
            unreachable!("a member names a taken place");
        };
        node.event
    }

    /// Declares the first child cancelled and takes it off; its children come in its place.
    fn take_child(&mut self, place: u32) -> Option<Arc<Event>> {
        let child = self.node(place).first_child;
        if child == NIL {
            return None;
        }
        self.unlink(child);
        self.move_children(child, place);
        let event = Arc::clone(&self.node(child).event);
        event.declare();
        Some(event)
    }

    fn move_children(&mut self, from: u32, to: u32) {
        loop {
            let child = self.node(from).first_child;
            if child == NIL {
                return;
            }
            self.unlink(child);
            if to != NIL {
                self.link(child, to);
            }
        }
    }

    /// Makes a node that is by itself the first child of `parent`.
    fn link(&mut self, place: u32, parent: u32) {
        let sibling = mem::replace(&mut self.node(parent).first_child, place);
        if sibling != NIL {
            self.node(sibling).before = place;
        }
        let node = self.node(place);
        (node.parent, node.before, node.behind) = (parent, NIL, sibling);
    }

    /// Takes a node off its parent, if it has one; its children stay with it.
    fn unlink(&mut self, place: u32) {
        let node = self.node(place);
        let parent = mem::replace(&mut node.parent, NIL);
        let (before, behind) = (mem::replace(&mut node.before, NIL), mem::replace(&mut node.behind, NIL));
        if before != NIL {
            self.node(before).behind = behind;
        } else if parent != NIL {
            self.node(parent).first_child = behind;
        }
        if behind != NIL {
            self.node(behind).before = before;
        }
    }

    fn take_place(&mut self, node: Node) -> u32 {
        if self.free == NIL {
            let place = self.places.len() as u32;
            assert!(place < NIL, "a tree has fewer than 2^32 - 1 tokens");
            self.places.push(Place::Taken(node));
            return place;
        }
        let place = self.free;
        let Place::Free { next } = mem::replace(&mut self.places[place as usize], Place::Taken(node)) else {
            unreachable!("the chain of free places names a taken one");
        };
        self.free = next;
        place
    }

    fn node(&mut self, place: u32) -> &mut Node {
        match &mut self.places[place as usize] {
            Place::Taken(node) => node,
            Place::Free { .. } => unreachable!("a member or a neighbour names a taken place"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn places(member: &Member) -> usize {
        member.tree.with(|nodes| nodes.places.len())
    }

    #[test]
    fn children_that_come_and_go_use_the_same_places() {
        let root = Member::root();
        for _ in 0..10_000 {
            let child = root.child();
            drop((child.child(), child.child()));
        }
        assert_eq!(places(&root), 4);
        assert_eq!(root.tree.with(|nodes| nodes.node(root.place).first_child), NIL);
    }

    #[test]
    fn a_chain_is_as_long_as_the_tokens_that_are_held() {
        let root = Member::root();
        let mut last = root.child();
        for _ in 0..10_000 {
            last = last.child();
        }
        assert_eq!(places(&root), 3);
        root.cancel();
        assert!(last.cancelled().has_happened());
    }
}
