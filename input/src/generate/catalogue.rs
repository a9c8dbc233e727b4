//! What the shop sells.

/// A shelf of the shop.
pub(super) struct Category {
    pub(super) name: &'static str,
    /// Begins the product ids.
    pub(super) code: &'static str,
    /// The share of the price that the shop keeps, in percent, from and to.
    pub(super) margin: (u32, u32),
    /// How many days goods keep from delivery, from and to; `None` for what does not expire.
    pub(super) keeps: Option<(u32, u32)>,
    /// Names and usual prices in hundredths.
    pub(super) goods: [(&'static str, u32); 20],
}

/// What tells products of one name apart, in shops of more than one product per name.
pub(super) const VARIANTS: [&str; 9] =
    ["Large", "Small", "Twin Pack", "Organic", "Gift Box", "Family Pack", "Seasonal Edition", "Traditional", "Deluxe"];

#[rustfmt::skip] // one item a line would be 200
pub(super) const CATEGORIES: [Category; 10] = [
    Category {
        name: "Dairy & Eggs",
        code: "DAI",
        margin: (22, 34),
        keeps: Some((14, 40)),
        goods: [
            ("Whole Milk 1 l", 135), ("Oat Drink 1 l", 195), ("Salted Butter 250 g", 265),
            ("Greek Yoghurt 500 g", 285), ("Mature Cheddar 200 g", 345), ("Brie 150 g", 325),
            ("Clotted Cream 227 g", 295), ("Free-Range Eggs, Dozen", 345), ("Blue Stilton 180 g", 395),
            ("Goat's Cheese Log", 310), ("Crème Fraîche 200 ml", 155), ("Halloumi 225 g", 315),
            ("Parmesan Wedge 150 g", 465), ("Buttermilk 500 ml", 125), ("Kefir 500 ml", 245),
            ("Cottage Cheese 300 g", 175), ("Double Cream 300 ml", 195), ("Wensleydale with Cranberries", 365),
            ("Skyr with Blueberries", 165), ("Mozzarella 125 g", 145),
        ],
    },
    Category {
        name: "Bakery",
        code: "BAK",
        margin: (42, 58),
        keeps: Some((14, 60)),
        goods: [
            ("All-Butter Shortbread", 325), ("Oatcakes", 215), ("Rye Crispbread", 235), ("Fruit Cake", 695),
            ("Ginger Parkin", 445), ("Brioche Rolls, Six", 275), ("Lemon Drizzle Loaf", 495), ("Bara Brith", 525),
            ("Cheese Straws", 345), ("Almond Biscotti", 395), ("Panettone", 1295), ("Stroopwafels, Ten", 285),
            ("Treacle Tart", 575), ("Seeded Crackers", 255), ("Bakewell Slices", 365), ("Date & Walnut Loaf", 485),
            ("Dundee Cake", 1150), ("Madeleines, Twelve", 425), ("Pumpernickel 500 g", 245),
            ("Chocolate Brownies, Four", 545),
        ],
    },
    Category {
        name: "Fruit & Vegetables",
        code: "FRU",
        margin: (28, 44),
        keeps: Some((12, 35)),
        goods: [
            ("Cox Apples 1 kg", 265), ("Conference Pears 1 kg", 275), ("Navel Oranges, Net", 295),
            ("Unwaxed Lemons, Four", 165), ("Maris Piper Potatoes 2 kg", 225), ("Red Onions 1 kg", 145),
            ("Carrots 1 kg", 95), ("Beetroot, Bunch", 175), ("Savoy Cabbage", 125), ("Butternut Squash", 195),
            ("Leeks, Three", 165), ("Chestnut Mushrooms 250 g", 155), ("Garlic, Three Bulbs", 115),
            ("Parsnips 500 g", 110), ("Celeriac", 145), ("Pomegranate", 135), ("Clementines, Box", 495),
            ("Sweet Potatoes 1 kg", 215), ("Fresh Ginger 200 g", 105), ("Bramley Apples 1 kg", 245),
        ],
    },
    Category {
        name: "Delicatessen",
        code: "DEL",
        margin: (32, 46),
        keeps: Some((21, 75)),
        goods: [
            ("Kalamata Olives", 395), ("Houmous 200 g", 225), ("Prosciutto, Sliced", 445), ("Chorizo Ring", 495),
            ("Smoked Salmon 100 g", 645), ("Chicken Liver Pâté", 375), ("Sun-Dried Tomatoes", 345),
            ("Stuffed Vine Leaves", 365), ("Pork Pie", 415), ("Basil Pesto, Fresh", 325), ("Smoked Mackerel", 355),
            ("Fennel Salami", 525), ("Marinated Artichokes", 425), ("Taramasalata", 265), ("Potted Shrimps", 595),
            ("Quince Paste", 385), ("Sauerkraut, Raw", 445), ("Kimchi", 495), ("Scotch Eggs, Two", 395),
            ("Smoked Trout Fillets", 555),
        ],
    },
    Category {
        name: "Pantry",
        code: "PAN",
        margin: (26, 40),
        keeps: Some((240, 720)),
        goods: [
            ("Seville Marmalade", 345), ("Raspberry Jam", 325), ("Heather Honey", 695), ("Wholegrain Mustard", 265),
            ("Extra Virgin Olive Oil 500 ml", 995), ("Cider Vinegar 500 ml", 315), ("Basmati Rice 1 kg", 385),
            ("Bronze-Die Spaghetti", 245), ("Chopped Tomatoes", 115), ("Porridge Oats 1 kg", 215),
            ("Sea Salt Flakes", 235), ("Black Peppercorns", 295), ("Tomato Chutney", 355), ("Mango Chutney", 345),
            ("Puy Lentils 500 g", 275), ("Stoneground Flour 1.5 kg", 225), ("Maple Syrup", 745),
            ("Smoked Paprika", 255), ("Peanut Butter, Crunchy", 325), ("Vanilla Pods, Two", 595),
        ],
    },
    Category {
        name: "Tea, Coffee & Drinks",
        code: "TEA",
        margin: (38, 55),
        keeps: Some((180, 720)),
        goods: [
            ("English Breakfast Tea", 425), ("Earl Grey Tea", 445), ("Darjeeling First Flush", 895),
            ("Peppermint Tea", 325), ("Lapsang Souchong", 575), ("House Espresso Beans 250 g", 795),
            ("Decaf Ground Coffee", 745), ("Ethiopian Filter Coffee", 925), ("Drinking Chocolate", 545),
            ("Elderflower Cordial", 445), ("Cloudy Apple Juice", 315), ("Ginger Beer", 195),
            ("Rhubarb Cordial", 465), ("Sloe Gin 50 cl", 2650), ("Dry Cider 75 cl", 495), ("Pale Ale 50 cl", 285),
            ("Sparkling Water 75 cl", 125), ("Rooibos Tea", 375), ("Chai Spice Blend", 495),
            ("Jasmine Pearls", 1050),
        ],
    },
    Category {
        name: "Sweets & Chocolate",
        code: "SWE",
        margin: (38, 54),
        keeps: Some((90, 365)),
        goods: [
            ("Sea Salt Caramels", 595), ("Dark Chocolate 70 %", 345), ("Milk Chocolate Buttons", 325),
            ("Honeycomb Pieces", 395), ("Clotted Cream Fudge", 445), ("Rose Turkish Delight", 625),
            ("Peppermint Creams", 475), ("Liquorice Twists", 265), ("Sherbet Lemons", 235),
            ("Champagne Truffles", 1195), ("Hazelnut Nougat", 525), ("Chocolate Gingers", 575),
            ("Marzipan Fruits", 745), ("Butterscotch Tin", 495), ("Florentines", 645), ("Aniseed Balls", 215),
            ("White Chocolate Bark", 425), ("Pear Drops", 225), ("Chocolate Orange Sticks", 455),
            ("Sugared Almonds", 385),
        ],
    },
    Category {
        name: "Gifts & Cards",
        code: "GIF",
        margin: (50, 66),
        keeps: None,
        goods: [
            ("Birthday Card, Robins", 295), ("Thank-You Cards, Eight", 695), ("Linen Notebook", 1195),
            ("Brass Bookmark", 795), ("Jigsaw, Harbour View", 1695), ("Wooden Spinning Top", 595),
            ("Knitted Hare", 1850), ("Tin of Buttons", 645), ("Gift Wrap, Botanical", 395),
            ("Satin Ribbon 5 m", 325), ("Pocket Kite", 1095), ("Travel Chess Set", 2195), ("Fountain Pen", 2495),
            ("Wax Seal Kit", 1595), ("Postcards, Wild Birds", 545), ("Wall Calendar, Gardens", 1250),
            ("Music Box", 2150), ("Playing Cards, Linen", 895), ("Lavender Bag", 450), ("Enamel Pin, Swallow", 595),
        ],
    },
    Category {
        name: "Kitchen & Table",
        code: "KIT",
        margin: (42, 60),
        keeps: None,
        goods: [
            ("Stoneware Mug", 1195), ("Enamel Pie Dish", 1450), ("Linen Tea Towel", 995), ("Olive-Wood Spoon", 845),
            ("Oak Chopping Board", 3450), ("Copper Measuring Cups", 2795), ("Glass Cake Stand", 3295),
            ("Teapot, Four Cups", 2650), ("Cotton Apron", 2195), ("Beeswax Wraps, Three", 1395),
            ("Storage Jar 1 l", 895), ("Biscuit Cutters, Stars", 745), ("Egg Cups, Pair", 1095), ("Salt Pig", 1650),
            ("Butter Dish", 1895), ("Milk Jug, Spotted", 1350), ("Napkins, Set of Four", 1795),
            ("Nutmeg Grater", 595), ("Rolling Pin", 1295), ("Cafetière", 2995),
        ],
    },
    Category {
        name: "Home & Garden",
        code: "HOM",
        margin: (45, 62),
        keeps: None,
        goods: [
            ("Soy Candle, Fig", 1695), ("Beeswax Pillar Candle", 1295), ("Tealight Holder, Glass", 595),
            ("Wool Throw", 5950), ("Picture Frame, Oak", 1895), ("Hanging Lantern", 2295), ("Willow Basket", 2450),
            ("Terracotta Pot", 895), ("Watering Can, Zinc", 2695), ("Garden Twine", 495), ("Bird Feeder", 1750),
            ("Seed Tin", 1395), ("Wildflower Seeds", 295), ("Hand Trowel, Ash", 1595), ("Bud Vase", 1095),
            ("Hot Water Bottle, Knitted", 2195), ("Olive Oil Soap", 545), ("Reed Diffuser, Cedar", 2250),
            ("Doormat, Coir", 2495), ("Paper Star Light", 1850),
        ],
    },
];
