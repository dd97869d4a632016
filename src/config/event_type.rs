//! What a listener can subscribe to: every type of event and its place among the others.

use super::known::nearest;

/// A type of event; those with children are abstract, and mean all their children (EVT-001, EVT-002).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventType {
    Event,
    ProcessState,
    ProcessStateStopped,
    ProcessStateExited,
    ProcessStateStarting,
    ProcessStateStopping,
    ProcessStateBackoff,
    ProcessStateFatal,
    ProcessStateRunning,
    ProcessStateUnknown,
    ProcessCommunication,
    ProcessCommunicationStdout,
    ProcessCommunicationStderr,
    ProcessLog,
    ProcessLogStdout,
    ProcessLogStderr,
    RemoteCommunication,
    SupervisorStateChange,
    SupervisorStateChangeRunning,
    SupervisorStateChangeStopping,
    Tick,
    Tick5,
    Tick60,
    Tick3600,
    ProcessGroup,
    ProcessGroupAdded,
    ProcessGroupRemoved,
    Collection,
    CollectionAdded,
    CollectionRemoved,
    CollectionChanged,
}

use EventType::{
    Collection, CollectionAdded, CollectionChanged, CollectionRemoved, Event, ProcessCommunication,
    ProcessCommunicationStderr, ProcessCommunicationStdout, ProcessGroup, ProcessGroupAdded,
    ProcessGroupRemoved, ProcessLog, ProcessLogStderr, ProcessLogStdout, ProcessState, ProcessStateBackoff,
    ProcessStateExited, ProcessStateFatal, ProcessStateRunning, ProcessStateStarting, ProcessStateStopped,
    ProcessStateStopping, ProcessStateUnknown, RemoteCommunication, SupervisorStateChange,
    SupervisorStateChangeRunning, SupervisorStateChangeStopping, Tick, Tick5, Tick60, Tick3600,
};

/// Each type, its name in `events=` and in envelopes, and what it is a kind of; in the order of the types.
const TYPES: [(EventType, &str, EventType); 31] = [
    (Event, "EVENT", Event),
    (ProcessState, "PROCESS_STATE", Event),
    (ProcessStateStopped, "PROCESS_STATE_STOPPED", ProcessState),
    (ProcessStateExited, "PROCESS_STATE_EXITED", ProcessState),
    (ProcessStateStarting, "PROCESS_STATE_STARTING", ProcessState),
    (ProcessStateStopping, "PROCESS_STATE_STOPPING", ProcessState),
    (ProcessStateBackoff, "PROCESS_STATE_BACKOFF", ProcessState),
    (ProcessStateFatal, "PROCESS_STATE_FATAL", ProcessState),
    (ProcessStateRunning, "PROCESS_STATE_RUNNING", ProcessState),
    (ProcessStateUnknown, "PROCESS_STATE_UNKNOWN", ProcessState),
    (ProcessCommunication, "PROCESS_COMMUNICATION", Event),
    (ProcessCommunicationStdout, "PROCESS_COMMUNICATION_STDOUT", ProcessCommunication),
    (ProcessCommunicationStderr, "PROCESS_COMMUNICATION_STDERR", ProcessCommunication),
    (ProcessLog, "PROCESS_LOG", Event),
    (ProcessLogStdout, "PROCESS_LOG_STDOUT", ProcessLog),
    (ProcessLogStderr, "PROCESS_LOG_STDERR", ProcessLog),
    (RemoteCommunication, "REMOTE_COMMUNICATION", Event),
    (SupervisorStateChange, "SUPERVISOR_STATE_CHANGE", Event),
    (SupervisorStateChangeRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", SupervisorStateChange),
    (SupervisorStateChangeStopping, "SUPERVISOR_STATE_CHANGE_STOPPING", SupervisorStateChange),
    (Tick, "TICK", Event),
    (Tick5, "TICK_5", Tick),
    (Tick60, "TICK_60", Tick),
    (Tick3600, "TICK_3600", Tick),
    (ProcessGroup, "PROCESS_GROUP", Event),
    (ProcessGroupAdded, "PROCESS_GROUP_ADDED", ProcessGroup),
    (ProcessGroupRemoved, "PROCESS_GROUP_REMOVED", ProcessGroup),
    (Collection, "COLLECTION", Event),
    (CollectionAdded, "COLLECTION_ADDED", Collection),
    (CollectionRemoved, "COLLECTION_REMOVED", Collection),
    (CollectionChanged, "COLLECTION_CHANGED", Collection),
];

impl EventType {
    /// Every type, abstract ones included.
    pub fn all() -> impl Iterator<Item = EventType> {
        TYPES.iter().map(|(kind, _, _)| *kind)
    }

    /// The name in `events=` and in envelopes.
    pub fn name(self) -> &'static str {
        self.row().map_or("", |(_, name, _)| name)
    }

    /// The type of this name, in any case (CFG-128).
    pub fn parse(name: &str) -> Option<EventType> {
        let upper = name.to_uppercase();
        TYPES.iter().find(|(_, known, _)| *known == upper).map(|(kind, _, _)| *kind)
    }

    /// The name that was probably meant by one that is none.
    pub fn similar(name: &str) -> Option<&'static str> {
        let names: Vec<String> = TYPES.iter().map(|(_, known, _)| known.to_lowercase()).collect();
        let near = nearest(name, names.iter().map(String::as_str))?;
        TYPES.iter().map(|(_, known, _)| *known).find(|known| known.eq_ignore_ascii_case(near))
    }

    /// Whether a subscription to this type brings events of `other`: the same type, or a kind of it (EVT-002).
    pub fn includes(self, other: EventType) -> bool {
        if self == other || self == Event {
            return true;
        }
        let parent = other.row().map_or(Event, |(_, _, parent)| *parent);
        parent != other && parent != Event && self.includes(parent)
    }

    fn row(self) -> Option<&'static (EventType, &'static str, EventType)> {
        TYPES.get(self as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_types_in_their_order() {
        assert!(EventType::all().enumerate().all(|(at, kind)| at == kind as usize));
    }

    #[test]
    fn every_type_is_found_by_its_name_in_any_case_cfg_128() {
        for kind in EventType::all() {
            assert_eq!(EventType::parse(kind.name()), Some(kind));
            assert_eq!(EventType::parse(&kind.name().to_lowercase()), Some(kind));
        }
        assert_eq!(EventType::parse("PROCESS_STATES"), None);
        assert_eq!(EventType::parse(""), None);
    }

    #[test]
    fn a_name_begins_with_that_of_what_it_is_a_kind_of_evt_001() {
        for wide in EventType::all() {
            for narrow in EventType::all() {
                let begins = narrow.name().strip_prefix(wide.name());
                let kin = begins.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
                assert_eq!(wide.includes(narrow), wide == Event || kin, "{wide:?} {narrow:?}");
            }
        }
    }
}
