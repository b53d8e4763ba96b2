//! Types of `log-domain` as JSON strings, for `#[serde(with = "crate::text")]`. Where they may be `null`: `or_null`, and `list`
//! for several of them. What a string may not say is an error of the JSON.

use std::fmt;
use std::marker::PhantomData;

use log_domain::{EntryId, JobId, JobStatus, Source, Timestamp};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A type that is a string in JSON.
pub(crate) trait Text: Sized {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    fn read<E: Error>(text: &str) -> Result<Self, E>;
}

impl Text for EntryId {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    fn read<E: Error>(text: &str) -> Result<Self, E> {
        let id = text.parse();
        id.map_err(|error| E::custom(format_args!("an entry id {error}")))
    }
}

impl Text for JobId {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn read<E: Error>(text: &str) -> Result<Self, E> {
        let id = text.parse();
        id.map_err(|error| E::custom(format_args!("a job id {error}")))
    }
}

/// Any text is a status. Whether it ends a job is known of those of the wire contract.
impl Text for JobStatus {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn read<E: Error>(text: &str) -> Result<Self, E> {
        Ok(Self::parse(text))
    }
}

impl Text for Source {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn read<E: Error>(text: &str) -> Result<Self, E> {
        Ok(text.into())
    }
}

impl Text for Timestamp {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn read<E: Error>(text: &str) -> Result<Self, E> {
        Ok(text.into())
    }
}

pub(crate) fn serialize<T: Text, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.write(serializer)
}

pub(crate) fn deserialize<'de, T: Text, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(TextVisitor(PhantomData))
}

/// The same for a value that may be `null`.
pub(crate) mod or_null {
    use super::{Deserialize, Deserializer, Read, Serialize, Serializer, Text, Written};

    pub(crate) fn serialize<T: Text, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Written).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: Text, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let read = Option::<Read<T>>::deserialize(deserializer)?;
        Ok(read.map(|read| read.0))
    }
}

/// The same for a list that may be `null`.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Read, Serialize, Serializer, Text, Written};

    pub(crate) fn serialize<T: Text, S: Serializer>(
        list: &Option<Vec<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let list = list.as_ref();
        let written = list.map(|list| list.iter().map(Written).collect::<Vec<_>>());
        written.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: Text, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<T>>, D::Error> {
        let read = Option::<Vec<Read<T>>>::deserialize(deserializer)?;
        Ok(read.map(|list| list.into_iter().map(|read| read.0).collect()))
    }
}

struct Written<'a, T>(&'a T);

impl<T: Text> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

struct Read<T>(T);

impl<'de, T: Text> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: Text> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::read(text)
    }
}
