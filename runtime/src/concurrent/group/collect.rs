//! Waiting for more than the next member.

use super::{
    super::outcome::{AllFailed, EmptySet, Race},
    Ended, MemberError, TaskGroup,
};
use crate::{future::JoinError, wait::wait};

/// The result of the member that was first, and those of all others with their indices.
type GroupRace<T> = Race<Result<T, JoinError>, Vec<Ended<T>>>;

impl<T> TaskGroup<T> {
    /// Waits for all members, and takes their results, in the order in which they were spawned.
    ///
    /// # Cancellation
    ///
    /// A cancellation point: the results that it had taken by then are lost, the other members go on.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// for number in 0..3 {
    ///     group.spawn(async move { number * number });
    /// }
    /// let squares: Vec<i32> = group.all().into_iter().map(|(_, result)| result.unwrap()).collect();
    /// assert_eq!(squares, [0, 1, 4]);
    /// ```
    pub fn all(&mut self) -> Vec<Ended<T>> {
        wait(self.all_async())
    }

    /// The same for `async` code.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the results that it had taken by then; the other members go on.
    ///
    /// # Examples
    ///
    /// See [`TaskGroup`].
    pub async fn all_async(&mut self) -> Vec<Ended<T>> {
        let mut all = Vec::with_capacity(self.len());
        while let Some(ended) = self.next_async().await {
            all.push(ended);
        }
        all.sort_unstable_by_key(|(index, _)| *index);
        all
    }

    /// Waits for the next member to end, cancels the others, and waits for them too; what they have ended with by then
    /// is handed back beside the first one's result. When it returns, the members' operations have ended, and the group is empty.
    ///
    /// # Errors
    ///
    /// [`EmptySet`] if there are no members.
    ///
    /// # Cancellation
    ///
    /// A cancellation point: the results that it had taken by then are lost, and the other members are cancelled if they were
    /// before.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(std::future::pending());
    /// group.spawn(async { 7 });
    /// let race = group.race()?;
    /// assert_eq!((race.index, race.output.unwrap()), (1, 7));
    /// assert!(race.others[0].1.as_ref().unwrap_err().is_cancelled());
    /// # Ok::<(), fibra::concurrent::EmptySet>(())
    /// ```
    pub fn race(&mut self) -> Result<GroupRace<T>, EmptySet> {
        wait(self.race_async())
    }

    /// The same for `async` code.
    ///
    /// # Errors
    ///
    /// As [`race`](Self::race).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the results that it had taken by then.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::<u8>::new();
    /// assert!(fibra::wait(group.race_async()).is_err());
    /// ```
    pub async fn race_async(&mut self) -> Result<GroupRace<T>, EmptySet> {
        let (index, output) = self.next_async().await.ok_or(EmptySet)?;
        self.cancel();
        Ok(Race { index, output, others: self.all_async().await })
    }

    /// Cancels all members, waits for them, and drops their results. The group is empty then, and can be used again.
    ///
    /// # Cancellation
    ///
    /// A cancellation point; the members are cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn_thread(|| fibra::thread::park());
    /// group.shutdown();
    /// assert!(group.is_empty());
    /// ```
    pub fn shutdown(&mut self) {
        wait(self.shutdown_async());
    }

    /// The same for `async` code. It cancels when it is first polled.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the wait; the members are cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(std::future::pending::<()>());
    /// fibra::wait(group.shutdown_async());
    /// ```
    pub async fn shutdown_async(&mut self) {
        self.cancel();
        while self.next_async().await.is_some() {}
    }
}

impl<T, E> TaskGroup<Result<T, E>> {
    /// Waits for a member that succeeds, and takes its result, and those of the members that have failed before. The others
    /// stay in the group, and go on: the next call looks among them; [`cancel`](Self::cancel) ends them, and
    /// [`detach`](Self::detach) lets them go on without the group.
    ///
    /// # Errors
    ///
    /// [`AllFailed`], with the errors of all that were in the group, in the order in which they were spawned. If there were
    /// none, it is empty: this never waits for nothing.
    ///
    /// # Cancellation
    ///
    /// A cancellation point: the errors that it had taken by then are lost.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(async { Err("no") });
    /// group.spawn(async { Ok(7) });
    /// assert_eq!(group.any().unwrap(), (1, 7));
    /// group.shutdown();
    ///
    /// group.spawn(async { Err("no") });
    /// assert_eq!(group.any().unwrap_err().errors()[0].to_string(), "member 2: no");
    /// assert!(group.any().unwrap_err().is_empty());
    /// ```
    pub fn any(&mut self) -> Result<(usize, T), AllFailed<MemberError<E>>> {
        wait(self.any_async())
    }

    /// The same for `async` code.
    ///
    /// # Errors
    ///
    /// As [`any`](Self::any).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the errors that it had taken by then.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut group = fibra::concurrent::TaskGroup::new();
    /// group.spawn(async { Ok::<_, ()>(7) });
    /// assert_eq!(fibra::wait(group.any_async()).unwrap(), (0, 7));
    /// ```
    pub async fn any_async(&mut self) -> Result<(usize, T), AllFailed<MemberError<E>>> {
        let mut errors = Vec::new();
        while let Some((index, result)) = self.next_async().await {
            match result {
                Ok(Ok(output)) => return Ok((index, output)),
                Ok(Err(error)) => errors.push(MemberError::Returned { index, error }),
                Err(error) => errors.push(MemberError::Ended { index, error }),
            }
        }
        errors.sort_unstable_by_key(MemberError::index);
        Err(AllFailed::new(errors))
    }
}
