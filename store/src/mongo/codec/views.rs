//! How public rows and what is written for people are spelled in MongoDB: money as doubles, times as dates.

use bson::{Binary, Bson, Document, doc, spec::BinarySubtype};
use stockstream_model::{
    Money, Timestamp,
    analytics::Tier,
    documents::{
        ClientRow, DailyRow, Heartbeat, PartitionId, PartitionStatus, RejectedEvent, RiskCategory, RiskRow, View,
        ViewCondition, ViewState, Winner,
    },
    event::Reason,
};

use crate::{
    Page,
    batch::PAYLOAD_BYTES,
    mongo::{
        Result,
        codec::{date, integer, malformed, maybe_date, maybe_double, maybe_integer, maybe_text, maybe_time, text},
        names,
    },
};

pub(crate) fn winner_document(row: &Winner) -> Document {
    doc! {
        "ranking": i64::from(row.ranking),
        "product_id": &row.product_id,
        "product_name": row.product_name.clone(),
        "product_category": row.product_category.clone(),
        "selling_price": row.selling_price,
        "purchase_price": row.purchase_price,
        "minimum_margin_threshold": row.minimum_margin_threshold,
        "total_profit": row.total_profit,
        "total_revenue": row.total_revenue,
        "total_cost": row.total_cost,
        "units_sold": row.units_sold,
        "average_profit_margin_pct": row.average_profit_margin_pct,
        "average_roi_pct": row.average_roi_pct,
        "contribution_margin_pct": row.contribution_margin_pct,
        "sales_velocity": row.sales_velocity,
        "stock_turnover": row.stock_turnover,
        "days_in_stock": row.days_in_stock,
        "is_dead_stock": row.is_dead_stock,
        "performance_score": row.performance_score,
        "last_sale_date": date(row.last_sale_date),
        "analysis_timestamp": date(row.analysis_timestamp),
        "analysis_source": &row.analysis_source,
    }
}

pub(crate) fn winner(document: &Document) -> Winner {
    let double = |field| maybe_double(document, field);
    let time = |field| maybe_time(document, field).unwrap_or_default();
    Winner {
        ranking: integer(document, "ranking") as u32,
        product_id: text(document, "product_id"),
        product_name: maybe_text(document, "product_name"),
        product_category: maybe_text(document, "product_category"),
        selling_price: double("selling_price"),
        purchase_price: double("purchase_price"),
        minimum_margin_threshold: double("minimum_margin_threshold"),
        total_profit: double("total_profit").unwrap_or_default(),
        total_revenue: double("total_revenue").unwrap_or_default(),
        total_cost: double("total_cost").unwrap_or_default(),
        units_sold: integer(document, "units_sold"),
        average_profit_margin_pct: double("average_profit_margin_pct"),
        average_roi_pct: double("average_roi_pct"),
        contribution_margin_pct: double("contribution_margin_pct"),
        sales_velocity: double("sales_velocity").unwrap_or_default(),
        stock_turnover: double("stock_turnover"),
        days_in_stock: integer(document, "days_in_stock"),
        is_dead_stock: document.get_bool("is_dead_stock").unwrap_or_default(),
        performance_score: double("performance_score").unwrap_or_default(),
        last_sale_date: time("last_sale_date"),
        analysis_timestamp: time("analysis_timestamp"),
        analysis_source: text(document, "analysis_source"),
    }
}

pub(crate) fn risk_document(row: &RiskRow) -> Document {
    doc! {
        "product_id": &row.product_id,
        "product_name": row.product_name.clone(),
        "product_category": row.product_category.clone(),
        "stock_quantity": row.stock_quantity,
        "purchase_price": row.purchase_price,
        "selling_price": row.selling_price,
        "potential_loss_amount": row.potential_loss_amount,
        "potential_profit_loss": row.potential_profit_loss,
        "risk_category": row.risk_category.name(),
        "expiry_date": maybe_date(row.expiry_date),
        "days_until_expiry": row.days_until_expiry,
        "last_movement_date": date(row.last_movement_date),
        "days_since_last_movement": row.days_since_last_movement,
        "batch_number": row.batch_number.clone(),
        "analysis_timestamp": date(row.analysis_timestamp),
        "analysis_source": &row.analysis_source,
    }
}

pub(crate) fn risk(document: &Document) -> Result<RiskRow> {
    let category = document.get_str("risk_category").ok().and_then(RiskCategory::from_name);
    Ok(RiskRow {
        product_id: text(document, "product_id"),
        product_name: maybe_text(document, "product_name"),
        product_category: maybe_text(document, "product_category"),
        stock_quantity: integer(document, "stock_quantity"),
        purchase_price: maybe_double(document, "purchase_price"),
        selling_price: maybe_double(document, "selling_price"),
        potential_loss_amount: maybe_double(document, "potential_loss_amount"),
        potential_profit_loss: maybe_double(document, "potential_profit_loss"),
        risk_category: category.ok_or_else(|| malformed(names::RISKS, document, "its risk_category is none"))?,
        expiry_date: maybe_time(document, "expiry_date"),
        days_until_expiry: maybe_integer(document, "days_until_expiry"),
        last_movement_date: maybe_time(document, "last_movement_date").unwrap_or_default(),
        days_since_last_movement: integer(document, "days_since_last_movement"),
        batch_number: maybe_text(document, "batch_number"),
        analysis_timestamp: maybe_time(document, "analysis_timestamp").unwrap_or_default(),
        analysis_source: text(document, "analysis_source"),
    })
}

pub(crate) fn risk_page(page: Page<Document>) -> Result<Page<RiskRow>> {
    let Page { items, page, per_page, total, searched } = page;
    let items = items.iter().map(risk).collect::<Result<_>>()?;
    Ok(Page { items, page, per_page, total, searched })
}

pub(crate) fn client_row(document: &Document) -> ClientRow {
    ClientRow {
        client_id: text(document, "_id"),
        name: maybe_text(document, "name"),
        email: maybe_text(document, "email"),
        phone: maybe_text(document, "phone"),
        total_revenue_generated: maybe_double(document, "total_revenue_generated").unwrap_or_default(),
        loyalty_tier: document.get_str("loyalty_tier").ok().and_then(Tier::from_name).unwrap_or(Tier::Bronze),
        eligible_promo: document.get_bool("eligible_promo").unwrap_or_default(),
        invoices: integer(document, "invoices"),
        last_purchase_date: maybe_time(document, "last_purchase_date"),
    }
}

pub(crate) fn daily_row(document: &Document) -> Result<DailyRow> {
    let day = text(document, "_id").parse();
    Ok(DailyRow {
        day: day.map_err(|_| malformed(names::DAILY, document, "its id is no day"))?,
        invoices: integer(document, "invoices"),
        units: integer(document, "units"),
        revenue: Money::from_units(integer(document, "revenue")).to_f64(),
    })
}

/// What is said of a view: all but its id, revision and pointer.
pub(crate) fn view_document(state: &ViewState) -> Document {
    doc! {
        "state": state.condition.name(),
        "why": state.why.clone(),
        "since": maybe_date(state.since),
        "checked_at": maybe_date(state.checked_at),
        "published_at": maybe_date(state.published_at),
        "rows": state.rows,
        "as_of": maybe_date(state.as_of.map(stockstream_model::Day::start)),
        "fence": state.fence,
    }
}

/// `is_as_seen`, as the server evaluates it.
pub(crate) fn as_seen(seen: &ViewState) -> Document {
    doc! {
        "_id": seen.view.name(),
        "revision": seen.revision,
        "pointer": seen.pointer,
        "checked_at": maybe_date(seen.checked_at),
    }
}

/// `may_point`, as the server evaluates it.
pub(crate) fn may_point(seen: &ViewState, to: i64) -> Document {
    doc! { "_id": seen.view.name(), "pointer": { "$lt": to }, "checked_at": maybe_date(seen.checked_at) }
}

pub(crate) fn view(document: &Document, view: View) -> ViewState {
    ViewState {
        view,
        revision: integer(document, "revision"),
        pointer: integer(document, "pointer"),
        condition: document.get_str("state").ok().and_then(ViewCondition::from_name).unwrap_or(ViewCondition::Empty),
        why: maybe_text(document, "why"),
        since: maybe_time(document, "since"),
        checked_at: maybe_time(document, "checked_at"),
        published_at: maybe_time(document, "published_at"),
        rows: integer(document, "rows"),
        as_of: maybe_time(document, "as_of").map(Timestamp::day),
        fence: integer(document, "fence"),
    }
}

pub(crate) fn rejected_document(event: &RejectedEvent) -> Document {
    let kept = &event.payload[..event.payload.len().min(PAYLOAD_BYTES)];
    doc! {
        "_id": event.id(),
        "topic": &event.topic,
        "incarnation": event.incarnation,
        "partition": event.partition,
        "offset": event.offset,
        "reason": event.reason.name(),
        "path": &event.path,
        "message": &event.message,
        "payload": Binary { subtype: BinarySubtype::Generic, bytes: kept.to_vec() },
        "payload_bytes": event.payload.len() as i64,
        "produced_at": maybe_date(event.produced_at),
        "rejected_at": date(event.rejected_at),
    }
}

pub(crate) fn rejected(document: &Document) -> RejectedEvent {
    let reason = document.get_str("reason").unwrap_or_default();
    RejectedEvent {
        topic: text(document, "topic"),
        incarnation: integer(document, "incarnation"),
        partition: integer(document, "partition") as i32,
        offset: integer(document, "offset"),
        reason: Reason::ALL.into_iter().find(|known| known.name() == reason).unwrap_or(Reason::BadValue),
        path: text(document, "path"),
        message: text(document, "message"),
        payload: document.get_binary_generic("payload").cloned().unwrap_or_default(),
        produced_at: maybe_time(document, "produced_at"),
        rejected_at: maybe_time(document, "rejected_at").unwrap_or_default(),
    }
}

/// That a heartbeat is of a version that works with lanes.
pub(crate) const IS_OF_LANES: &str = "lanes";

pub(crate) fn heartbeat_document(heartbeat: &Heartbeat) -> Document {
    let partition = |status: &PartitionStatus| {
        Bson::from(
            doc! { "id": status.id.to_string(), "next": status.next, "log_end": status.log_end, "lag": status.lag() },
        )
    };
    doc! {
        "started_at": date(heartbeat.started_at),
        "at": date(heartbeat.at),
        "generation": heartbeat.generation,
        "publisher": heartbeat.publisher,
        "events_per_second": heartbeat.events_per_second,
        "freshness_ms": heartbeat.freshness_ms,
        "partitions": heartbeat.partitions.iter().map(partition).collect::<Vec<_>>(),
        "problems": heartbeat.problems.clone(),
        "stalls": heartbeat.stalls.clone(),
        "warnings": heartbeat.warnings.clone(),
        IS_OF_LANES: true,
    }
}

pub(crate) fn heartbeat(document: &Document) -> Heartbeat {
    let partition = |status: &Document| {
        let id = PartitionId::from_text(status.get_str("id").ok()?)?;
        Some(PartitionStatus { id, next: integer(status, "next"), log_end: maybe_integer(status, "log_end") })
    };
    let list = |field| document.get_array(field).into_iter().flatten();
    Heartbeat {
        worker: text(document, "_id"),
        started_at: maybe_time(document, "started_at").unwrap_or_default(),
        at: maybe_time(document, "at").unwrap_or_default(),
        generation: integer(document, "generation"),
        publisher: document.get_bool("publisher").unwrap_or_default(),
        events_per_second: maybe_double(document, "events_per_second").unwrap_or_default(),
        freshness_ms: maybe_integer(document, "freshness_ms"),
        partitions: list("partitions").filter_map(Bson::as_document).filter_map(partition).collect(),
        problems: list("problems").filter_map(Bson::as_str).map(str::to_owned).collect(),
        stalls: list("stalls").filter_map(Bson::as_str).map(str::to_owned).collect(),
        warnings: list("warnings").filter_map(Bson::as_str).map(str::to_owned).collect(),
    }
}
