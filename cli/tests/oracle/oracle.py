#!/usr/bin/env python3
"""The independent oracle: what MongoDB must hold after an import, computed a second way.

    oracle.py FILE.csv[.gz] >expected.json

Reads an Online Retail file (InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country)
and prints one JSON document: the figures after importing it with derived inventory, `asOf: LatestEvent` and default
settings. It shares no code and no method with Stockstream: the whole file in memory, plain dicts, whole numbers for
money (1/10,000 units) and fractions for scores, so nothing here is rounded but where the rules say so.

Money is printed as text with four decimals, ratios and scores as numbers, times as RFC 3339 in UTC.
Only Python's standard library, 3.9 or newer.
"""

import csv
import gzip
import json
import re
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

SCALE = 10_000
MAX_ITEMS = 10_000  # of one sale event
MAX_PRICE, MAX_QUANTITY = 10**9 * SCALE, 10**9  # of a line
MAX_LINE, MAX_AMOUNT, MAX_UNITS = 10**10 * SCALE, 10**10 * SCALE, 10**10  # of a line, of all of a sale, either way
SUM_LIMIT = 4 * 10**18  # a sum that comes so far, either way, stays there
ONE_INVOICE = timedelta(hours=12)  # between a row of an invoice and its first one
BUY_SHARE = Fraction(60, 100)  # of the sell price, for derived inventory
STOCK_SHARE = 10  # stock is a tenth of the net units sold
PROFIT, VELOCITY, IDLE = Fraction(5, 10), Fraction(3, 10), Fraction(2, 10)
LIMIT, DEAD_AFTER, IDLE_DAYS = 10, 30, 30
SILVER, GOLD, PROMO = 10_000 * SCALE, 20_000 * SCALE, 10_000 * SCALE

WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
DIGITS = re.compile(r"-?[0-9., ]+")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


class Bad(ValueError):
    """A row that cannot become part of an event."""


def check(pattern, text):
    if not pattern.fullmatch(text):
        raise Bad(text)
    return text


def money(text):
    """Decimal text as a count of 1/10,000, rounded half away from zero."""
    return int((Decimal(check(NUMBER, text)) * SCALE).to_integral_value(ROUND_HALF_UP))


def shown(amount):
    if amount is None:
        return None
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // SCALE}.{abs(amount) % SCALE:04d}"


def time(text):
    try:
        return datetime.fromisoformat(check(DATE, text))
    except ValueError as e:
        raise Bad(text) from e


def rfc3339(moment):
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def days(later, earlier):
    """Calendar days, not spans of 24 hours."""
    return (later.date() - earlier.date()).days


def number(fraction):
    return None if fraction is None else float(fraction)


def ratio(part, whole):
    return Fraction(part, whole) if whole else None


def client(text):
    """Whom a sale is to: whole numbers lose their decimals, other numbers are nobody, everything else is a name."""
    if not text.strip():
        return None
    if not DIGITS.fullmatch(text):
        return text
    whole, _, decimals = text.partition(".")
    if decimals.strip("0"):
        raise Bad(text)
    return str(int(check(WHOLE, whole)))


def rows(path):
    """Each usable row as a dict, and of a bad one its invoice alone."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        for raw in csv.DictReader(file, restval=""):
            try:
                if not raw["InvoiceNo"].strip() or not raw["StockCode"].strip():
                    raise Bad("no id")
                row = {
                    "invoice": raw["InvoiceNo"],
                    "product": raw["StockCode"],
                    "name": raw["Description"],
                    "quantity": int(check(WHOLE, raw["Quantity"])),
                    "time": time(raw["InvoiceDate"]),
                    "price": money(raw["UnitPrice"]),
                    "client": client(raw["CustomerID"]),
                }
                if not bounded([(row["quantity"], row["price"])]):
                    raise Bad("beyond what a line may say")
            except Bad:
                row = {"invoice": raw["InvoiceNo"], "bad": True}
            yield row


def read(path):
    """Rows as (number of bad ones, invoices in order of appearance, products' rows in file order).

    An invoice with a bad row counts for nothing; a bad row without an invoice may be of the one above. Bad is also a row that
    is half a day from the first of its invoice, and one by which the invoice is more than a sale may be.
    """
    bad, invoices, products, spoiled, above = 0, defaultdict(list), defaultdict(list), set(), ""
    first, totals, good = {}, defaultdict(lambda: [0, 0, 0]), []
    for row in rows(path):
        above = row["invoice"] if row["invoice"].strip() else above
        if "bad" not in row and abs(row["time"] - first.setdefault(above, row["time"])) <= ONE_INVOICE:
            lines, units, amount = totals[above]
            units, amount = units + abs(row["quantity"]), amount + abs(row["quantity"] * row["price"])
            if lines < MAX_ITEMS and units <= MAX_UNITS and amount <= MAX_AMOUNT:
                totals[above] = [lines + 1, units, amount]
                good.append(row)
                continue
        bad += 1
        spoiled.add(above)
    for row in good:
        if row["invoice"] not in spoiled:
            invoices[row["invoice"]].append(row)
            products[row["product"]].append(row)
    return bad, invoices, products


def record(lines):
    """The inventory record that an import derives from all of a product's usable rows."""
    names = [line["name"] for line in lines if line["name"]]
    prices = [line["price"] for line in lines if line["price"] > 0]
    sell = prices[-1] if prices else None
    net = sum(line["quantity"] for line in lines)
    return {
        "name": names[-1] if names else None,
        "sell": sell,
        "buy": None if sell is None else int(sell * BUY_SHARE + Fraction(1, 2)),  # positive: half up
        "quantity": max(0, -(-net // STOCK_SHARE)),
        "updated_at": lines[-1]["time"],
        "moved": next((line["time"] for line in reversed(lines) if line["quantity"] > 0), lines[-1]["time"]),
    }


def bounded(lines):
    """Whether (quantity, price or None) of all lines are within what one sale may say."""
    priced = [(units, price) for units, price in lines if price is not None]
    return (
        all(0 < abs(units) <= MAX_QUANTITY for units, _ in lines)
        and all(0 <= price <= MAX_PRICE and abs(units * price) <= MAX_LINE for units, price in priced)
        and sum(abs(units) for units, _ in lines) <= MAX_UNITS
        and sum(abs(units * price) for units, price in priced) <= MAX_AMOUNT
    )


def plus(total, more):
    if abs(total) >= SUM_LIMIT:
        return total
    return max(-SUM_LIMIT, min(SUM_LIMIT, total + more))


def sale():
    return {"units": 0, "revenue": 0, "invoices": 0, "first": None, "last": None}


def add(total, moment, units, revenue, sales):
    """Adds units and revenue, and so many sales of that moment; what came back is none."""
    total["units"] = plus(total["units"], units)
    total["revenue"] = plus(total["revenue"], revenue)
    total["invoices"] += sales
    if sales:
        total["first"] = moment if total["first"] is None else min(total["first"], moment)
        total["last"] = moment if total["last"] is None else max(total["last"], moment)


def figures(product, stock, sold, as_of):
    """A product's row in the ranking, unranked, its score exact; None if nothing of it stayed sold or its cost is not known."""
    if sold is None or stock["buy"] is None:
        return None
    units, revenue, cost = sold["units"], sold["revenue"], sold["units"] * stock["buy"]
    if units <= 0 or revenue <= 0:
        return None
    profit = revenue - cost
    velocity = Fraction(units, days(sold["last"], sold["first"]) + 1)
    idle = days(as_of, sold["last"])
    margin, roi = ratio(profit, revenue), ratio(profit, cost)
    return {
        "product_id": product,
        "product_name": stock["name"],
        "selling_price": shown(stock["sell"]),
        "purchase_price": shown(stock["buy"]),
        "units_sold": units,
        "total_revenue": shown(revenue),
        "total_cost": shown(cost),
        "total_profit": shown(profit),
        "average_profit_margin_pct": number(margin and margin * 100),
        "average_roi_pct": number(roi and roi * 100),
        "sales_velocity": float(velocity),
        "stock_turnover": number(ratio(units, stock["quantity"])),
        "days_in_stock": idle,
        "is_dead_stock": idle > DEAD_AFTER,
        "last_sale_date": rfc3339(sold["last"]),
        "performance_score": PROFIT * Fraction(profit, SCALE) + VELOCITY * velocity - IDLE * idle,
    }


def tier(revenue):
    return "Gold" if revenue >= GOLD else "Silver" if revenue >= SILVER else "Bronze"


def expected(path):
    bad, invoices, by_product = read(path)
    records = {product: record(lines) for product, lines in by_product.items()}
    products, clients, daily = defaultdict(sale), defaultdict(sale), defaultdict(sale)
    seen = [r["updated_at"] for r in records.values()]
    for lines in invoices.values():
        first = lines[0]
        moment, units, amount = first["time"], 0, 0
        seen.append(moment)
        for line in lines:
            revenue = line["quantity"] * line["price"]
            units, amount = units + line["quantity"], amount + revenue
            add(products[line["product"]], moment, line["quantity"], revenue, int(line["quantity"] > 0))
        is_invoice = int(any(line["quantity"] > 0 for line in lines))
        add(daily[moment.date().isoformat()], moment, units, amount, is_invoice)
        if first["client"] is not None:
            add(clients[first["client"]], moment, units, amount, is_invoice)
    as_of = max(seen, default=None)

    ranked = {p: figures(p, records[p], products.get(p), as_of) for p in records}
    winners = [row for row in ranked.values() if row]
    winners.sort(key=lambda row: (-row["performance_score"], row["product_id"].encode()))

    risks = []
    for product, stock in sorted(records.items(), key=lambda kv: kv[0].encode()):
        last = products[product]["last"] if product in products else None
        moved = [stock["moved"]] + ([last] if last else [])
        idle = days(as_of, max(moved))
        if stock["quantity"] > 0 and idle >= IDLE_DAYS:
            loss = None if stock["buy"] is None else shown(stock["quantity"] * stock["buy"])
            risks.append({"product_id": product, "quantity": stock["quantity"], "loss": loss, "idle_days": idle,
                          "category": "Dead Stock"})

    return {
        "rows": sum(map(len, invoices.values())),
        "bad_rows": bad,
        "accepted": len(invoices),
        "rejected": 0,  # what workers would reject is not sent
        "as_of": rfc3339(as_of),
        "products": {
            product: {
                "units": sold["units"], "revenue": shown(sold["revenue"]),
                "name": stock["name"], "sell_price": shown(stock["sell"]), "buy_price": shown(stock["buy"]),
                "quantity": stock["quantity"],
                "first_sale": rfc3339(sold["first"]), "last_sale": rfc3339(sold["last"]),
                "score": number(ranked[product] and ranked[product]["performance_score"]),
            }
            for product, stock in sorted(records.items(), key=lambda kv: kv[0].encode())
            for sold in [products.get(product) or sale()]
        },
        "clients": {
            client: {"revenue": shown(bought["revenue"]), "invoices": bought["invoices"], "tier": tier(bought["revenue"]),
                     "promo": bought["revenue"] > PROMO, "last_purchase": rfc3339(bought["last"])}
            for client, bought in sorted(clients.items(), key=lambda kv: kv[0].encode())
        },
        "daily": {
            day: {"invoices": of["invoices"], "units": of["units"], "revenue": shown(of["revenue"])}
            for day, of in sorted(daily.items())
        },
        "winners": [
            {**row, "performance_score": float(row["performance_score"]), "ranking": rank}
            for rank, row in enumerate(winners[:LIMIT], 1)
        ],
        "risks": risks,
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: oracle.py FILE.csv[.gz] >expected.json")
    json.dump(expected(sys.argv[1]), sys.stdout, indent=1)
    print()
