"""What Wikipedia's languages call the parts of a page that are no prose: sections, disambiguations, kinds of links."""

from __future__ import annotations

import re

SECTIONS = {
    "en": "references|external links|see also|further reading|notes|footnotes|citations|sources|general references"
    "|notes and references|references and notes|notes and citations|references and sources",
    "de": "einzelnachweise|weblinks|siehe auch|literatur|anmerkungen|quellen|belege|anmerkungen und einzelnachweise",
    "fr": "notes et références|références|notes|liens externes|voir aussi|bibliographie|articles connexes|annexes"
    "|lien externe|sources",
    "es": "referencias|enlaces externos|véase también|notas|bibliografía|fuentes|notas y referencias",
    "it": "note|collegamenti esterni|voci correlate|altri progetti|bibliografia",
    "pt": "referências|ligações externas|ver também|notas|bibliografia|notas e referências|links externos",
    "nl": "bronnen, noten en/of referenties|externe links|externe link|zie ook|referenties|noten|bronnen|voetnoten",
    "pl": "przypisy|linki zewnętrzne|zobacz też|bibliografia|uwagi",
    "ru": "примечания|ссылки|см. также|литература|источники|комментарии",
    "uk": "примітки|посилання|див. також|література|джерела",
    "sv": "referenser|externa länkar|se även|noter|källor|fotnoter|vidare läsning",
    "el": "παραπομπές|εξωτερικοί σύνδεσμοι|εξωτερικές συνδέσεις|δείτε επίσης|δείτε ακόμη|βλέπε και|βλέπε επίσης|πηγές"
    "|παραπομπές και σημειώσεις|σημειώσεις και παραπομπές|περαιτέρω ανάγνωση|υποσημειώσεις",
    "cs": "reference|externí odkazy|související články|literatura|poznámky",
    "ja": "脚注|外部リンク|関連項目|参考文献|出典|注釈",
    "zh": "参考文献|參考文獻|外部链接|外部連結|参见|參見|注释|註釋|参考资料|參考資料|延伸阅读|延伸閱讀",
    "ltg": "nūruodis|nūruodis i olūti|verīs taipoš|teiklavītys",
}
"""Headings of what is no part of the article, lower case, by language code; the English ones hold everywhere."""

_DISAMBIGUATIONS = (
    "disambiguation|disambig|disamb|dab|hndis|geodis|hospital disambiguation|letter-number combination disambiguation"
    "|begriffsklärung|homonymie|desambiguación|disambigua|desambiguação|desambig|dp|dpintro|ujednoznacznienie"
    "|неоднозначность|неоднозначності|багатозначність|förgrening|gren|αποσαφήνιση|αποσαφ|rozcestník|aimai"
    "|曖昧さ回避|消歧义|消歧義|zeimeibu škiršona|nuzīmeibu atdaleišona"
)
_DISAMBIGUATION = re.compile(
    rf"\{{\{{[ \n]{{0,9}}(?:template:)?(?:{_DISAMBIGUATIONS})[ \n]{{0,9}}[|}}]|__disambig__", re.I
)
_MEDIA = re.compile(
    r":[^:|]{1,250}\.(?:jpe?g|png|svg|gif|tiff?|webp|xcf|og[gav]|oga|wav|mp3|mid|webm|pdf|djvu)\s*$", re.I
)
_INTERLANGUAGE = re.compile(r"(?:[a-z]{2,3}|[a-z]{2,3}-[a-z]{2,8}|simple|zh-min-nan|be-x-old):\S")
FILES_AND_CATEGORIES = frozenset(
    [
        "file",
        "image",
        "media",
        "category",
        "datei",
        "bild",
        "kategorie",
        "fichier",
        "catégorie",
        "archivo",
        "imagen",
        "categoría",
        "immagine",
        "categoria",
        "ficheiro",
        "imagem",
        "bestand",
        "afbeelding",
        "categorie",
        "plik",
        "grafika",
        "kategoria",
        "файл",
        "изображение",
        "категория",
        "категорія",
        "fil",
        "kategori",
        "αρχείο",
        "εικόνα",
        "κατηγορία",
        "soubor",
        "ファイル",
        "画像",
        "文件",
        "图像",
        "fails",
    ]
)
"""Names of the namespaces whose links stand for no text; the dump's header adds the wiki's own."""


def is_disambiguation(title: str, wikitext: str) -> bool:
    """Whether a page only lists the meanings of its title, by its title or a template."""
    return title.endswith("(disambiguation)") or _DISAMBIGUATION.search(wikitext) is not None


def dropped_headings(language: str) -> frozenset[str]:
    """Headings (lower case) whose sections are dropped in a language."""
    return frozenset(f"{SECTIONS['en']}|{SECTIONS.get(language, '')}".split("|")) - {""}


def is_textless(target: str, namespaces: frozenset[str]) -> bool:
    """Whether a link places a picture, files the page in a category, or names it in another language."""
    prefix, colon, _ = target.partition(":")
    if not colon:
        return False
    prefix = prefix.strip().lower()
    return prefix in FILES_AND_CATEGORIES or prefix in namespaces or _MEDIA.search(target) is not None


def is_interlanguage(target: str) -> bool:
    """Whether a link without a label is the page's name in another language."""
    return _INTERLANGUAGE.match(target) is not None
