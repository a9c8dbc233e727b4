#!/usr/bin/env python3
"""The independent oracle of events: what MongoDB must hold after any events, computed a second way.

    events.py <LINES >ANSWERS

Each line is an event as JSON, `[stream, incarnation, partition, offset, timestamp_ms, payload_base64, refused]`, or `?`, to
which the answer is one line: the document that oracle.py prints of an import, for all events so far, under
`asOf: LatestEvent` and default settings. `refused` is true of what was made to be refused; of the rest it is decided here,
as far as the made-up shop spoils its events.

Besides what it takes from oracle.py it shares no code and no method with Stockstream.
Only Python's standard library, 3.9 or newer.
"""

import base64
import json
import re
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import oracle
from oracle import SCALE, add, days, number, plus, ratio, sale, shown

WHEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d+))?Z)?")
TIERS = ["Bronze", "Silver", "Gold"]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FUTURE = timedelta(hours=48)


class Refused(ValueError):
    """An event that a worker must refuse."""


def when(value):
    """A time, cut to milliseconds."""
    if value is None:
        return None
    found = WHEN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Refused(value)
    day, clock, fraction = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day} {clock or '00:00:00'}+00:00")
    except ValueError as e:
        raise Refused(value) from e
    return moment + timedelta(milliseconds=int(((fraction or "") + "000")[:3]))


def money(value):
    if value is None:
        return None
    amount = int((Decimal(value) * SCALE).to_integral_value(ROUND_HALF_UP))
    return amount


def price(value):
    amount = money(value)
    if amount is not None and amount < 0:
        raise Refused(value)
    return amount


def need(event, field):
    if event.get(field) is None:
        raise Refused(field)
    return event[field]


class State:
    def __init__(self):
        self.accepted = self.rejected = 0
        self.latest = None
        self.products = defaultdict(lambda: {**sale(), "cost": 0, "unpriced": 0, "uncosted": 0})
        self.clients, self.daily = defaultdict(sale), defaultdict(sale)
        # Latest records, each with what it is the latest by; and of products the sum and count of stock.
        self.records, self.batches, self.people = {}, {}, {}
        self.stock = defaultdict(lambda: [0, 0])

    def take(self, stream, place, at, payload, refused):
        try:
            if refused:
                raise Refused
            event = json.loads(base64.b64decode(payload), parse_float=Decimal)
            take = {"sales": self.sell, "inventory": self.count, "clients": self.know}[stream]
            times = {"sales": ["timestamp"], "clients": ["updated_at"],
                     "inventory": ["last_movement", "created_at", "updated_at"]}[stream]
            for moment in filter(None, (when(event.get(name)) for name in times)):
                if moment - (EPOCH + timedelta(milliseconds=at)) > FUTURE:
                    raise Refused(moment)
            seen = take(event, place, at)
        except (Refused, json.JSONDecodeError):
            self.rejected += 1
            return
        self.accepted += 1
        self.latest = max(filter(None, [self.latest, *seen]), default=None)

    def sell(self, event, _place, _at):
        moment, lines = when(need(event, "timestamp")), []
        for item in need(event, "items"):
            units, each, cost = need(item, "quantity"), price(item.get("unit_price")), price(item.get("unit_cost"))
            if units == 0:
                raise Refused("quantity")
            lines.append((str(need(item, "product_id")), units, each, cost))
        if not 1 <= len(lines) <= oracle.MAX_ITEMS:
            raise Refused("items")
        if not all(oracle.bounded([(line[1], line[which]) for line in lines]) for which in (2, 3)):
            raise Refused("items")
        amount = money(event.get("total_amount"))
        if amount is not None and abs(amount) > oracle.MAX_AMOUNT:
            raise Refused("total_amount")
        if amount is None:
            if any(each is None for _, _, each, _ in lines):
                raise Refused("total_amount")
            amount = sum(units * each for _, units, each, _ in lines)
        for name, units, each, cost in lines:
            product = self.products[name]
            add(product, moment, units, units * (each or 0), int(units > 0))
            product["unpriced"] = plus(product["unpriced"], units if each is None else 0)
            product["cost"] = plus(product["cost"], units * (cost or 0))
            product["uncosted"] = plus(product["uncosted"], units if cost is None else 0)
        all_units = sum(units for _, units, _, _ in lines)
        is_invoice = int(any(units > 0 for _, units, _, _ in lines))
        add(self.daily[moment.date().isoformat()], moment, all_units, amount, is_invoice)
        if event.get("client_id") is not None:
            add(self.clients[str(event["client_id"])], moment, all_units, amount, is_invoice)
        return [moment]

    def count(self, event, place, at):
        product, quantity = str(need(event, "product_id")), need(event, "quantity")
        times = {name: when(event.get(name)) for name in ["updated_at", "last_movement", "created_at", "expiry_date"]}
        record = {"name": event.get("name"), "category": event.get("category"),
                  "buy": price(event.get("buy_price")), "sell": price(event.get("sell_price"))}
        if abs(quantity) > oracle.MAX_QUANTITY or any((record[name] or 0) > oracle.MAX_PRICE for name in ("buy", "sell")):
            raise Refused("quantity or price")
        arrived = EPOCH + timedelta(milliseconds=at)
        version = (times["updated_at"] or arrived, place)
        moved = times["last_movement"] or times["created_at"] or times["updated_at"] or arrived
        batch = None if event.get("batch_no") is None else str(event["batch_no"])
        newest(self.records, product, version, record)
        newest(self.batches, (product, batch), version,
               {**record, "quantity": quantity, "expires": times["expiry_date"], "moved": moved})
        self.stock[product][0] = plus(self.stock[product][0], quantity)
        self.stock[product][1] += 1
        return [times["updated_at"], times["last_movement"], times["created_at"]]

    def know(self, event, place, at):
        client, updated = str(need(event, "client_id")), when(event.get("updated_at"))
        tier = event.get("loyalty_tier")
        if tier is not None and tier not in TIERS:
            raise Refused(tier)
        version = (updated or EPOCH + timedelta(milliseconds=at), place)
        newest(self.people, client, version, {"base": money(event.get("total_revenue_generated")) or 0, "tier": tier})
        return [updated]

    def record(self, product):
        return self.records[product][1] if product in self.records else dict.fromkeys(["name", "category", "buy", "sell"])

    def figures(self, product):
        """A product's row in the ranking, unranked; None if nothing of it stayed sold, or a price or cost is not known."""
        sold, record, (stock, counts) = self.products[product], self.record(product), self.stock.get(product, (0, 0))
        if sold["first"] is None or sold["unpriced"] and record["sell"] is None or sold["uncosted"] and record["buy"] is None:
            return None
        units = sold["units"]
        revenue = sold["revenue"] + sold["unpriced"] * (record["sell"] or 0)
        cost = sold["cost"] + sold["uncosted"] * (record["buy"] or 0)
        if units <= 0 or revenue <= 0:
            return None
        velocity = Fraction(units, days(sold["last"], sold["first"]) + 1)
        idle, profit = days(self.latest, sold["last"]), revenue - cost
        margin, roi = ratio(profit, revenue), ratio(profit, cost)
        score = oracle.PROFIT * Fraction(profit, SCALE) + oracle.VELOCITY * velocity - oracle.IDLE * idle
        return {
            "product_id": product, "product_name": record["name"], "product_category": record["category"],
            "selling_price": shown(record["sell"]), "purchase_price": shown(record["buy"]), "units_sold": units,
            "total_revenue": shown(revenue), "total_cost": shown(cost), "total_profit": shown(profit),
            "average_profit_margin_pct": number(margin and margin * 100), "average_roi_pct": number(roi and roi * 100),
            "sales_velocity": float(velocity), "stock_turnover": number(stock and Fraction(units * counts, stock) or None),
            "days_in_stock": idle, "is_dead_stock": idle > oracle.DEAD_AFTER, "last_sale_date": text(sold["last"]),
            "performance_score": score,
        }

    def risk(self, key):
        (product, batch), (_, record) = key, self.batches[key]
        if record["quantity"] <= 0:
            return None
        sold = self.products[product]["last"] if product in self.products else None
        idle = days(self.latest, max(filter(None, [record["moved"], sold])))
        left = None if record["expires"] is None else days(record["expires"], self.latest)
        if left is not None and left < 0:
            category = "Expired"
        elif left is not None and left <= 7:
            category = "Expiring Soon"
        elif idle >= oracle.IDLE_DAYS:
            category = "Dead Stock"
        else:
            return None
        buy = self.record(product)["buy"] if record["buy"] is None else record["buy"]
        loss = None if buy is None else shown(record["quantity"] * buy)
        return {"product_id": product, "batch": batch, "quantity": record["quantity"], "loss": loss, "idle_days": idle,
                "category": category}

    def client(self, name):
        bought = self.clients[name] if name in self.clients else sale()
        stated = self.people[name][1] if name in self.people else {"base": 0, "tier": None}
        total = stated["base"] + bought["revenue"]
        tier = max(oracle.tier(total), stated["tier"] or "Bronze", key=TIERS.index)
        return {"revenue": shown(bought["revenue"]), "invoices": bought["invoices"], "total": shown(total), "tier": tier,
                "promo": total > oracle.PROMO, "last_purchase": text(bought["last"])}

    def product(self, name):
        sold, record, (stock, counts) = self.products[name], self.record(name), self.stock.get(name, (0, 0))
        return {"units": sold["units"], "revenue": shown(sold["revenue"]), "cost": shown(sold["cost"]),
                "unpriced": sold["unpriced"], "uncosted": sold["uncosted"], "name": record["name"],
                "sell_price": shown(record["sell"]), "buy_price": shown(record["buy"]), "quantity": stock,
                "records": counts, "first_sale": text(sold["first"]), "last_sale": text(sold["last"])}

    def answer(self):
        names = sorted({*self.products, *self.records}, key=str.encode)
        winners = [row for row in map(self.figures, names) if row]
        winners.sort(key=lambda row: (-row["performance_score"], row["product_id"].encode()))
        return {
            "accepted": self.accepted, "rejected": self.rejected, "as_of": text(self.latest),
            "products": {name: self.product(name) for name in names},
            "clients": {name: self.client(name) for name in sorted({*self.clients, *self.people}, key=str.encode)},
            "daily": {day: {"invoices": of["invoices"], "units": of["units"], "revenue": shown(of["revenue"])}
                      for day, of in sorted(self.daily.items())},
            "winners": [{**row, "performance_score": float(row["performance_score"]), "ranking": rank}
                        for rank, row in enumerate(winners[:oracle.LIMIT], 1)],
            "risks": [row for row in map(self.risk, sorted(self.batches, key=repr)) if row],
        }


def newest(records, key, version, record):
    if key not in records or records[key][0] < version:
        records[key] = version, record


def text(moment):
    """RFC 3339, with a fraction only where there is one, and without zeros at its end."""
    if moment is None:
        return None
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def main():
    state = State()
    for line in sys.stdin:
        if line.strip() == "?":
            json.dump(state.answer(), sys.stdout)
            print(flush=True)
            continue
        stream, *place, at, payload, refused = json.loads(line)
        state.take(stream, tuple(place), at, payload, refused)


if __name__ == "__main__":
    main()
