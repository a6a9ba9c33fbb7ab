"""Tongues: what made-up text is made of, each a list of words with the most frequent first.

English has its real function words, so that language identification, stop-word rules and repetition rules see what
they are made for; its other words are stems with real prefixes and endings. The other languages have function words and
a few nouns, enough to be recognised. `figures` and `code` are no languages: they fail rules on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

_FREQUENT = """
the of and to in a that is for it with as was on be are at by have this from or not they which you an we had but his
were one all their there when will can more if who has would about up out what so them other into than some could time
these two may then do first any my now such like our over man me even most made after also did many before must
through back years where much your way well down should because each just those people how too little state good very
make world still own see men work long get here between both life being under never day same another know while last
might us great old year off come since against go came right used take three
"""
_STEMS = """
river stone lamp field market garden winter signal bridge harbour letter paper water table corner village winding ship
clock mill road forest wagon ladder copper silver timber border pattern season engine tower meadow valley island lesson
record measure question answer report account method subject object figure chapter harvest kitchen window carpet basket
butter pepper summer autumn thunder shadow mirror candle blanket bottle button collar handle hammer needle ribbon saddle
shelter shoulder finger picture library college station railway office council village church castle palace temple
museum theatre concert record singer dancer painter writer reader teacher student doctor farmer sailor captain baker
grow build plant print paint mend fold turn cast bend lift pull push draw drift float sail march climb walk jump rest
open close start finish order sort count weigh test train learn teach explain mention remark listen watch visit travel
gather collect deliver return remain contain support protect prevent select compare connect correct direct expect
"""
_STARTS = ("", "re", "un", "over", "out", "under", "fore", "inter", "counter", "up")
_ENDINGS = ("", "s", "ed", "ing", "er", "ers", "able", "ment", "ful", "less", "ness", "like")

_OTHERS: Mapping[str, str] = {
    "german": """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus
        er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur
        bis mehr durch man sein wurde sei Haus Jahr Stadt Wasser Garten Brücke Fluss Arbeit Zeit Leben
        Straße Menschen""",
    "polish": """w i na z się do nie że jest o jak to po za od dla przez przy oraz ale tak już był może które który jego
        tylko także być ich czy pod jako przed lub co było są bardzo gdy będzie tego miasto rzeka dom woda ogród praca
        czas życie ulica ludzie most rok szkoła książka pole las""",
    "greek": """και το της την τον του η ο να με για από που στο στην στη είναι δεν θα τα οι των σε ότι μια ένα αλλά πιο
        ήταν όπως κατά μετά μας αυτό όμως έχει πολύ μόνο πόλη σπίτι νερό κήπος γέφυρα ποτάμι δουλειά χρόνος ζωή δρόμος
        άνθρωποι έτος σχολείο βιβλίο θάλασσα βουνό""",
    "russian": """и в не на что с как по это из от за к для так но все он она они был было быть или его если уже мы вы
        только еще при может после до под над между город дом вода сад мост река работа время жизнь улица люди год школа
        книга поле лес море гора""",
    "spanish": """de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si
        sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde ciudad casa agua
        jardín puente río trabajo tiempo vida calle gente escuela libro campo""",
    "french": """de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont la mais
        avec son ou nous comme cette ont aux été leur bien deux même aussi fait entre sans ville maison eau jardin pont
        rivière travail temps vie rue gens école livre champ""",
    "chinese": """的 一 是 不 了 在 人 有 我 他 这 个 们 中 来 上 大 为 和 国 地 到 以 说 时 要 就 出 会 可 也 你
        对 生 能 而 子 那 得 于 着 下 自 之 年 过 发 后 作 里 用 道 行 所 然 家 种 事 成 方 多 经 么 去 法 学 如 都 同
        现 当 没""",
}
_CODE = "{ } return; if(x) var = 0; function() // [] === null; &&"


def english() -> list[str]:
    """English words in the order of their frequency: function words, stems, then derived ones; 18,566 in all.

    With so many, the top 50 make 35 % of a text and the top 1,000 68 % (measured: 36 % and 66 %).
    """
    return list(dict.fromkeys([*_FREQUENT.split(), *_derived()]))


def _derived() -> Iterator[str]:
    stems = _STEMS.split()
    for start, ending in sorted(product(_STARTS, _ENDINGS), key=lambda one: (len(one[0]) + len(one[1]), one)):
        yield from (f"{start}{stem}{ending}" for stem in stems)


def tongues() -> dict[str, list[str]]:
    """Words of every tongue, `english` first; one of `chinese` is a character."""
    figures = [*_FREQUENT.split()[:8], *(str(number * 7919 % 100_003) for number in range(1, 200))]
    others = {name: list(dict.fromkeys(words.split())) for name, words in _OTHERS.items()}
    return {"english": english(), **others, "figures": figures, "code": _CODE.split()}
