"""Names, places, dates and numbers that nobody has: what generators fill their sentences with.

All of it drawn from a given random source, so that a seed repeats it.
"""

# ruff: noqa: E501, SIM905 - lists of words read best as words

import random

_FIRST = """Ada Adil Agnes Aino Alba Alma Amir Anouk Anton Arun Asta Aylin Bela Bernt Birgit Bruno Carla Cem Chidi Clara
    Dalia Dario Dina Edda Eero Elias Elif Emil Enzo Esra Fatou Felix Freya Gita Gregor Hana Hanne Hugo Ida Ilse Imre
    Ines Ivo Jana Jari Jonas Jun Kaito Karin Kasimir Kofi Lars Leila Levi Lino Luca Mabel Maeve Malik Marek Mira Nadia
    Naim Nell Nora Olga Omar Oskar Paavo Pia Priya Quentin Rafael Rana Rolf Rosa Ruben Saga Samir Sanna Selma Sofia
    Stefan Sunil Tala Tariq Thea Tomas Ulla Uma Viggo Vera Wanda Wim Xenia Yara Yusuf Zara Zeno""".split()
_LAST = """Abbot Adeyemi Almeida Andersen Baxter Becker Bianchi Brandt Calder Castillo Chen Costa Dahl Dufour Duarte
    Eklund Erdem Falk Farrow Ferri Fischer Forde Garner Ghosh Haddad Halloran Hansen Holm Horvat Ibarra Ito Iversen
    Jansen Jovic Kaya Keller Khan Kovacs Lang Larkin Lindqvist Lopes Madsen Mancini Mbeki Meyer Moreau Mwangi Nagy
    Novak Oduya Okafor Olsen Ortega Palmer Pereira Petrov Quist Rahman Reyes Rinaldi Rossi Saito Salo Santos Sato
    Schmid Silva Sorensen Stein Suzuki Takala Tanaka Torres Ueda Varga Vogel Walsh Weber Winter Wolff Yilmaz Young
    Zeller Zhou""".split()
_STARTS = "Al Ar Bel Bor Bran Cal Cor Dal Der El Fal Fen Gal Gren Hal Har Hol Ker Kil Lan Lor Mar Mel Mor Nor Ol Or Pel Por Ran Ros Sal Sel Sor Tal Tor Ul Val Var Ves Wal Wen Yar Zel".split()
_MIDDLES = ["", "", "a", "e", "i", "o", "en", "er", "an", "il", "ov", "ud", "ess", "ind"]
_ENDS = "berg brook bury by dale den field ford gate ham holm hurst la lin march mere mouth na nes ra stad stead ton vale vik ville wick worth".split()
_STREETS = "Harbour Mill Church Station Market Orchard Castle River Linden Garden Foundry School Chapel Bridge".split()
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class Inventor:
    """Draws from `draw`, and so leaves it where the next one goes on."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def person(self) -> str:
        return f"{self.draw.choice(_FIRST)} {self.draw.choice(_LAST)}"

    def first_name(self) -> str:
        return self.draw.choice(_FIRST)

    def surname(self) -> str:
        return self.draw.choice(_LAST)

    def place(self) -> str:
        return self.draw.choice(_STARTS) + self.draw.choice(_MIDDLES) + self.draw.choice(_ENDS)

    def street(self) -> str:
        return f"{self.number(1, 180)} {self.draw.choice(_STREETS)} {self.draw.choice(['Street', 'Road', 'Lane'])}"

    def number(self, least: int, most: int) -> int:
        return self.draw.randint(least, most)

    def grouped(self, least: int, most: int) -> str:
        """With commas, rounded as people write it."""
        step = 10 ** max(0, len(str(most)) - 3)
        return f"{self.draw.randint(least, most) // step * step or step:,}"

    def decimal(self, least: float, most: float, places: int = 1) -> float:
        return round(self.draw.uniform(least, most), places)

    def year(self, least: int = 1400, most: int = 2024) -> str:
        return str(self.draw.randint(least, most))

    def date(self) -> str:
        day, month, year = self.draw.randint(1, 28), self.draw.choice(MONTHS), self.draw.randint(1800, 2026)
        return self.draw.choice([f"{day} {month} {year}", f"{month} {day}, {year}"])

    def clock(self) -> str:
        return f"{self.draw.randint(6, 22)}:{self.draw.choice(['00', '15', '30', '45'])}"

    def code(self) -> str:
        letters = "".join(self.draw.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(2))
        return f"{letters}-{self.draw.randint(100, 9999)}"

    def mail(self, person: str) -> str:
        return f"{person.lower().replace(' ', self.draw.choice(['.', '_']))}@{self.place().lower()}.example"
