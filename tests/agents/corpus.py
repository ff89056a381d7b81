"""A made-up place, its house rules and questions about them, for developing and testing the agents."""

# ruff: noqa: E501 - a document's line is as long as its paragraph

DOCUMENTS = {
    "tanks.md": """Tanks of the Marlow Aquarium

The hall on the ground floor holds seven tanks. Each tank has a keeper who is named on the plate beside it. Visitors may not tap the glass.

Which animals live where

| Tank | Animals | Water | Keeper |
|---|---|---|---|
| T1 | clownfish and anemones | salt, 26 degrees | Ana Duarte |
| T2 | seahorses and pipefish | salt, 22 degrees | Piet Veld |
| T3 | pike and perch | fresh, 14 degrees | Ana Duarte |
| T4 | octopus | salt, 12 degrees | Lena Moss |

The octopus tank is closed with a lock, because the animal has opened the lid before. The key hangs in the keepers' room.""",
    "cleaning.md": """Cleaning rota

Glass is wiped every morning before the doors open. The filters are rinsed on Mondays.

- Tank T1 is emptied and cleaned every six weeks.
- Tank T2 is emptied and cleaned every nine days.
- Tank T3 is emptied and cleaned twice a year, in March and in September.
- Tank T4 is cleaned by a diver, because it is never emptied.

Cleaning agents are kept in the yellow cupboard. Nobody uses soap near the water. After cleaning, the keeper signs the rota.""",
    "moorings.md": """Moorings at Tarn Lake

Every boat carries a sticker on its bow. The sticker is issued by the harbour office against proof of insurance.

A red sticker marks a boat of mooring class M3. A green sticker marks a boat of mooring class M1. A blue sticker marks a rowing boat, which needs no mooring.

Boats of class M1 moor at the north pier. Boats of class M3 moor at the east jetty, and only between April and October. Mooring fees are due in January and are 140 crowns for each metre of length.

Swimming between the piers is forbidden. Lost stickers are replaced for 15 crowns.""",
    "telescopes.md": """Borrowing a telescope

Members of the star club may borrow one telescope at a time. A borrowed telescope may be kept for three weeks. A loan can be extended once, by ten days, if nobody is waiting.

The deposit is 80 crowns and is paid back when the telescope returns with its cap and its tripod. Mirrors are never wiped by borrowers. Damage is reported to Ivo Brandt on the day it happens.

Night observation takes place on the roof on Thursdays, from nightfall to one in the morning. Only red torches are allowed on the roof. Children under ten are accompanied by an adult.""",
    "garden.md": """The teaching garden

The garden is open from April to October. Guests of members are welcome and are entered in the book at the gate. Guests leave by six in the evening; members may stay until dark.

Compost is made in three bins. Kitchen waste goes into the first bin, and ripe compost is taken from the third bin after eleven months. Only members with a plot may take compost, at most two buckets a week.

Dogs stay outside, except guide dogs. The small watering can holds five litres and the large one twelve.""",
    "membership.md": """Membership cards

A bronze card stands for associate members, a silver card for full members and a gold card for patrons.

Associate members may bring one guest a visit. Full members may bring three guests a visit. Patrons may bring six guests a visit and book the lecture room.

The yearly fee is 60 crowns for associate members, 95 crowns for full members and 400 crowns for patrons. A lost card costs 8 crowns. Cards are valid from the day of issue until the end of December.""",
    "workshop.md": """Workshops and repairs

Broken equipment is brought to the counter with a yellow tag. The clay workshop looks after kilns and wheels. The wood workshop looks after benches, frames and boats. The glass workshop looks after lenses and tanks.

The clay workshop repairs within five days. The wood workshop repairs within two weeks. The glass workshop repairs within 36 hours when animals are in danger, otherwise within a month.

Repairs cost nothing when the damage was reported on the same day.""",
}

# request, facts that the answer must hold (none: the sources don't answer it), documents to cite
QUESTIONS = [
    ("Which tank are the seahorses kept in, and how often is that tank cleaned?", ["T2", "every nine days"]),
    ("How long may I keep a borrowed telescope?", ["three weeks"]),
    ("Our boat has a red sticker. Which mooring class is that, and where do boats of that class moor?", ["M3", "east jetty"]),
    ("I hold a silver card: what kind of member am I, and how many guests may such a member bring?", ["full members", "three guests"]),
    ("Our kiln is broken. Which workshop looks after kilns, and how fast does that workshop repair?", ["clay workshop", "within five days"]),
    ("How many litres does the small watering can hold?", ["five litres"]),
    ("When do guests of members have to leave the garden?", ["six in the evening"]),
    ("Who looks after the octopus, and where is the key to its tank?", ["Lena Moss", "keepers' room"]),
    ("What is the deposit for a telescope, and to whom do I report damage?", ["80 crowns", "Ivo Brandt"]),
    ("What is the yearly fee for patrons?", ["400 crowns"]),
    ("Who wins the chess tournament this year?", []),
    ("How much does it cost to rent a wetsuit?", []),
    ("At what hour does the aquarium shop close on Sundays?", []),
    ("What is the salary of a keeper?", []),
    ("How many crowns is the fine for tapping the glass?", []),
]  # fmt: skip
