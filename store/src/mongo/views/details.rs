//! All that the database has of one product or client.

use bson::{Bson, doc};
use stockstream_model::{documents::RiskRow, settings::Weights};

use crate::{
    mongo::{
        MongoStore, Result,
        codec::{self, views},
        command::find::FindQuery,
        names,
    },
    view_store::{BATCHES, ClientDetail, ProductDetail},
};

impl MongoStore {
    pub(crate) async fn product_detail(&self, id: &str) -> Result<Option<ProductDetail>> {
        let found = self
            .find(names::PRODUCTS, FindQuery::of(doc! { "_id": id }).fields(codec::without_marks()).part(0, 1))
            .await?;
        let Some(product) = self.whole_products(found).await?.pop() else { return Ok(None) };
        let of_it = || {
            // Ids are compared field by field, so those of one product lie side by side.
            let id = |batch: Bson| doc! { "product_id": id, "batch_number": batch };
            let ids = doc! { "_id": { "$gte": id(Bson::MinKey), "$lte": id(Bson::MaxKey) } };
            FindQuery::of(ids).sort(doc! { "_id": 1 }).fields(codec::without_marks()).part(0, BATCHES)
        };
        let stock = self.find(names::INVENTORY, of_it()).await?;
        let risks = self.find(names::RISKS, of_it()).await?;
        let rules = self.meta("pipeline").await?.map(|meta| codec::text(&meta, "rules"));
        Ok(Some(ProductDetail {
            product,
            stock: stock.iter().map(codec::inventory).collect::<Result<_>>()?,
            risks: risks.iter().map(views::risk).collect::<Result<Vec<RiskRow>>>()?,
            weights: rules.and_then(|rules| weights(&rules)),
        }))
    }

    pub(crate) async fn client_detail(&self, id: &str) -> Result<Option<ClientDetail>> {
        let document = self.find(names::CLIENTS, FindQuery::of(doc! { "_id": id }).part(0, 1)).await?;
        Ok(document.first().map(|document| {
            let state = codec::client(document);
            ClientDetail {
                row: views::client_row(document),
                before: state.record.base_revenue,
                invoiced: state.revenue,
                stated: state.record.tier,
                recorded_at: state.version.map(|version| version.at),
            }
        }))
    }
}

/// The weights in the text of the rules that derived fields follow.
fn weights(rules: &str) -> Option<Weights> {
    let mut numbers = rules.strip_prefix("weights ")?.split([' ', '/']).map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Weights { profit: next()?, velocity: next()?, idle_days: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_those_of_the_rules() {
        assert_eq!(weights("weights 0.5/0.3/0.2 tiers 10000/20000/10000"), Some(Weights::default()));
        assert_eq!(weights("weights 0.5/0.3/0.2 tiers 10000/20000/10000 derivation 2"), Some(Weights::default()));
        assert_eq!(weights(""), None);
    }
}
