//! How members come.

use super::{
    super::{
        finished::Finished,
        seat::{self, Permit, Seat, Seated},
    },
    GroupFull, TaskGroup,
};
use std::{future::Future, sync::Arc};

impl<T: Send + 'static> TaskGroup<T> {
    /// Spawns a future, on the runtime that we are in, or else on the process-wide default runtime; returns its index.
    ///
    /// With a [limit](TaskGroup::with_limit) it waits, in direct style, until there is room: `async` code calls
    /// [`spawn_async`](Self::spawn_async).
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits; the future is dropped then.
    ///
    /// # Examples
    ///
    /// See [`TaskGroup`].
    pub fn spawn<F>(&mut self, future: F) -> usize
    where
        F: Future<Output = T> + Send + 'static,
    {
        let permit = self.wait_for_room();
        self.add(|seat| seat::spawn(future, permit, seat))
    }

    /// The same for `async` code: ready when there is room.
    ///
    /// # Cancellation
    ///
    /// Dropping the future before it is ready drops `future`.
    ///
    /// # Examples
    ///
    /// See [`TaskGroup`].
    pub async fn spawn_async<F>(&mut self, future: F) -> usize
    where
        F: Future<Output = T> + Send + 'static,
    {
        let permit = self.room().await;
        self.add(|seat| seat::spawn(future, permit, seat))
    }

    /// The same, if there is room now.
    ///
    /// # Errors
    ///
    /// [`GroupFull`], with the future, if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::with_limit(1);
    /// assert_eq!(group.try_spawn(std::future::pending::<()>()).unwrap(), 0);
    /// assert!(group.try_spawn(std::future::pending()).is_err());
    /// ```
    pub fn try_spawn<F>(&mut self, future: F) -> Result<usize, GroupFull<F>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        match self.room_now() {
            Some(permit) => Ok(self.add(|seat| seat::spawn(future, permit, seat))),
            None => Err(GroupFull(future)),
        }
    }

    /// Spawns a closure as a green thread; returns its index. With a [limit](TaskGroup::with_limit) it waits until there is
    /// room.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits; the closure is dropped then.
    ///
    /// # Examples
    ///
    /// See [`TaskGroup`].
    pub fn spawn_thread<F>(&mut self, closure: F) -> usize
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.wait_for_room();
        self.add(|seat| seat::spawn_thread(closure, permit, seat))
    }

    /// The same for `async` code: ready when there is room.
    ///
    /// # Cancellation
    ///
    /// Dropping the future before it is ready drops `closure`.
    ///
    /// # Examples
    ///
    /// ```
    /// fibra::block_on(async {
    ///     let mut group = fibra::concurrent::TaskGroup::with_limit(1);
    ///     for number in 0..3 {
    ///         assert_eq!(group.spawn_thread_async(move || number).await, number);
    ///     }
    /// });
    /// ```
    pub async fn spawn_thread_async<F>(&mut self, closure: F) -> usize
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.room().await;
        self.add(|seat| seat::spawn_thread(closure, permit, seat))
    }

    /// The same, if there is room now.
    ///
    /// # Errors
    ///
    /// [`GroupFull`], with the closure, if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::with_limit(1);
    /// assert_eq!(group.try_spawn_thread(|| fibra::thread::park()).unwrap(), 0);
    /// assert!(group.try_spawn_thread(|| ()).is_err());
    /// ```
    pub fn try_spawn_thread<F>(&mut self, closure: F) -> Result<usize, GroupFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        match self.room_now() {
            Some(permit) => Ok(self.add(|seat| seat::spawn_thread(closure, permit, seat))),
            None => Err(GroupFull(closure)),
        }
    }

    fn add(&mut self, spawn: impl FnOnce(Seat<Arc<Finished>>) -> Seated<T, Arc<Finished>>) -> usize {
        let index = self.spawned;
        let place = self.empty.pop().unwrap_or_else(|| {
            self.members.push(None);
            self.members.len() - 1
        });
        // Counted before it may end, so that there are never more ended than spawned.
        self.spawned += 1;
        self.finished.set_total(self.spawned);
        self.members[place] = Some(spawn(Seat::new(index, place, Arc::clone(&self.finished))));
        index
    }

    fn wait_for_room(&self) -> Permit {
        self.limit.as_ref().map(|limit| Arc::clone(limit).acquire_owned().expect("nobody closes it"))
    }

    async fn room(&self) -> Permit {
        match &self.limit {
            Some(limit) => Some(Arc::clone(limit).acquire_owned_async().await.expect("nobody closes it")),
            None => None,
        }
    }

    fn room_now(&self) -> Option<Permit> {
        match &self.limit {
            Some(limit) => Arc::clone(limit).try_acquire_owned().ok().map(Some),
            None => Some(None),
        }
    }
}
