//! A JSON object that is read into a struct, and nothing else that serde takes for one.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

/// A value whose JSON must be an object. Serde alone would also take a list of the fields in their order.
pub(crate) struct JsonObject<T>(pub(crate) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
    type Value = JsonObject<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<JsonObject<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(JsonObject)
    }
}

#[cfg(test)]
mod tests {
    use log_wire::StepBody;
    use serde_json::error::Category;

    use super::*;

    #[test]
    fn a_list_of_the_fields_in_their_order_is_no_object() {
        let list = br#" ["ready", "", {}]"#;
        assert!(serde_json::from_slice::<StepBody>(list).is_ok());
        let refused = serde_json::from_slice::<JsonObject<StepBody>>(list);
        assert_eq!(
            refused.err().map(|error| error.classify()),
            Some(Category::Data)
        );
        let object = br#" {"status": "ready", "further": [1]}"#;
        let JsonObject(body) = serde_json::from_slice::<JsonObject<StepBody>>(object).unwrap();
        assert_eq!(body.status.as_str(), "ready");
    }
}
