"""A second made-up place, a touring theatre, so that prompts and weights aren't fitted to one set of documents."""

# ruff: noqa: E501 - a document's line is as long as its paragraph

DOCUMENTS = {
    "touring.md": """Touring handbook of the Lantern Theatre

The company travels in two lorries and a coach. Departure times are posted on the board in the green room. Nobody rides in a lorry unless they drive it.

Stages are graded by depth. A stage less than six metres deep is grade A. A stage between six and ten metres deep is grade B. Anything deeper is grade C.

On a grade A stage the small set is used. On a grade B stage the folding set is used. On a grade C stage the full set is used, and four stagehands are needed to put it up.

Hotel rooms are shared by two, unless a doctor's note says otherwise. Breakfast is paid by the company; supper is not.""",
    "venues.md": """Venues of this season

| Town | Hall | Depth of stage | Seats | Contact |
|---|---|---|---|---|
| Brackwater | Corn Exchange | 5 m | 240 | Joan Pell |
| Oldham Ferry | Assembly Rooms | 8 m | 410 | Rafiq Anwar |
| Sutterby | Opera House | 14 m | 980 | Greta Holm |
| Lowmoor | Chapel Hall | 4 m | 130 | Joan Pell |

The Opera House has a lift for scenery. The Chapel Hall has no dressing rooms; actors change in the school next door.""",
    "costumes.md": """Costumes and wigs

Costumes are signed out from Mina Dral, who keeps the wardrobe. They go back on their hanger within an hour after the last curtain.

Silk is never washed; it is aired and brushed. Cotton shirts are washed after each performance at forty degrees. Wigs are combed only by the wig maker.

- A torn seam is marked with a white pin.
- A missing button is marked with a blue pin.
- A stain is marked with a red pin.

Red pins are dealt with first, on the same evening. White pins are mended before the next performance. Blue pins wait until the day off.

Shoes are the actor's own. The company pays 45 florins a year towards them.""",
    "tickets.md": """Tickets and the box office

The box office opens two hours before the curtain and closes when the bell rings. A full ticket costs 22 florins. Pupils and pensioners pay 12 florins. Groups of fifteen or more pay 16 florins a head.

Tickets can be returned up to three days before the performance. A returned ticket is paid back less a fee of 2 florins. When a performance is cancelled, the whole price is paid back without being asked for.

Latecomers are let in at the interval. Wheelchair places are booked by telephone with Rafiq Anwar.""",
    "safety.md": """Fire and stage safety

A fireman sits in the wings whenever a naked flame is used. Candles on stage are electric unless the director has asked in writing. The iron curtain is tested each day before the doors open.

Ladders over three metres are held by a second person. Anyone working on the bridge wears a harness, which is inspected every six months by the master carpenter.

The master carpenter is Tove Lind. Accidents are written into the black book, which lies at the stage door, and reported to the company manager before midnight.""",
    "pay.md": """Pay and free time

Actors are paid on the last Friday of the month. Stagehands are paid weekly. Overtime begins after nine hours and is paid at one and a half times the rate.

Monday is the day off. An actor with more than six performances a week receives a second free day. Understudies receive 30 florins for each evening on call, and 70 florins when they go on.

Rehearsals start at ten and end by five. Whoever is late pays a florin into the tin, and the tin pays for the party at the end of the season.""",
}

# request, facts that the answer must hold (none: the sources don't answer it)
QUESTIONS = [
    ("When does the box office open?", ["two hours before"]),
    ("What do pensioners pay for a ticket?", ["12 florins"]),
    ("Who keeps the wardrobe?", ["Mina Dral"]),
    ("Up to when can I bring a ticket back?", ["three days before"]),
    ("How many seats does the Chapel Hall have?", ["130"]),
    ("At what temperature are cotton shirts washed?", ["forty degrees"]),
    ("Where does the black book lie?", ["stage door"]),
    ("Who tests the harness, and what is the master carpenter's name?", ["master carpenter", "Tove Lind"]),
    ("How deep is the stage in Oldham Ferry, and which set is used on a grade B stage?", ["8 m", "folding set"]),
    ("My costume has a stain. Which pin marks it, and when are pins of that colour dealt with?", ["red pin", "same evening"]),
    ("What does an understudy get for going on, and when is the day off?", ["70 florins", "Monday"]),
    ("Which hall is in Sutterby, and does it have a lift?", ["Opera House", "lift for scenery"]),
    ("When are latecomers let in?", ["at the interval"]),
    ("From how many hours on is overtime paid?", ["nine hours"]),
    ("How is silk cleaned?", ["aired and brushed"]),
    ("How much does a programme cost?", []),
    ("Who wrote the play that opens the season?", []),
    ("How long is the interval?", []),
    ("What is the telephone number of the box office?", []),
    ("How much does an actor earn in a month?", []),
]  # fmt: skip
