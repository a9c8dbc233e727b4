use bson::doc;

use crate::{
    inspect::{Inspect, Snapshot},
    mongo::{MongoStore, Result, codec, command::find::FindQuery, names},
};

impl Inspect for MongoStore {
    async fn snapshot(&self) -> Result<Snapshot> {
        let all = || FindQuery::all().sort(doc! { "_id": 1 });
        let products = self.find(names::PRODUCTS, all()).await?;
        let daily = self.find(names::DAILY, all()).await?;
        let mut inventory: Vec<_> =
            self.find(names::INVENTORY, all()).await?.iter().map(codec::inventory).collect::<Result<_>>()?;
        inventory.sort_by(|a, b| (&a.product_id, &a.batch_number).cmp(&(&b.product_id, &b.batch_number)));
        Ok(Snapshot {
            products: self.whole_products(products).await?,
            inventory,
            clients: self.find(names::CLIENTS, all()).await?.iter().map(codec::client).collect(),
            daily: daily
                .iter()
                .filter_map(|d| Some((codec::text(d, "_id").parse().ok()?, codec::day_totals(d))))
                .collect(),
            rejected: self
                .find(names::REJECTED, all())
                .await?
                .iter()
                .map(|event| (codec::text(event, "_id"), codec::text(event, "reason")))
                .collect(),
        })
    }
}
