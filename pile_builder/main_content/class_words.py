"""Words that authors of web pages put into classes and ids, in groups by what they say of the text below."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pile_builder.main_content.hashes import Table, hash_table

GROUPS: Mapping[str, str] = {
    "article": "article articles artikel articulo artigo articolo articlebody articletext articlecontent articlecopy "
    "artbody arttext articlepage newsarticle",
    "content": "content contents contenu contenido conteudo inhalt contenuto maincontent contentbody contentmain cont "
    "pagecontent contenttext zoom container",
    "body": "body text txt copy richtext prose fulltext bodytext maintext textbody tekst texte texto testo paragraph "
    "paragraphs para p wysiwyg rte formatted typography",
    "post": "post entry hentry blog blogpost postbody entrycontent postcontent posttext entrybody entrytext blogentry",
    "story": "story storybody storytext storycontent news newsdetail newsbody newstext newscontent detail details "
    "detailbody single singlepost page report",
    "main": "main primary center centre middle mainbody maincol maincolumn leftcol contentcol",
    "title": "title headline heading hed h1 subject pagetitle entrytitle posttitle titre titel subtitle subhead "
    "subheadline kicker",
    "lead": "lead lede intro introduction summary excerpt abstract standfirst dek deck description desc perex chapeau "
    "snippet preamble",
    "meta": "meta byline author authors writer date time published pubdate dateline timestamp info source postmeta "
    "entrymeta datetime updated posted publish views read stats",
    "caption": "caption figcaption credit legend credits wpcaption imgcaption captiontext cutline",
    "media": "gallery photo photos image images img picture slide slider slides slideshow carousel media video "
    "videos player audio embed figure lightbox thumbnail thumb thumbs swiper slick",
    "nav": "nav navi navigation navbar menu submenu topnav mainnav mainmenu subnav sitenav menus dropdown tabs tab "
    "links quicklinks hamburger toggle megamenu",
    "trail": "breadcrumb breadcrumbs crumb crumbs pager pagination paging paginator pagenav prevnext path",
    "header": "header top topbar masthead head branding logo siteheader hdr site",
    "footer": "footer foot bottom copyright legal colophon disclaimer siteinfo footernav ftr sitefooter",
    "side": "sidebar side aside left right rail secondary sidecol rightcol sidebars sideblock rightcolumn leftcolumn "
    "rightside leftside complementary tertiary",
    "related": "related more recommended recommend recommendation recommendations similar also readmore popular latest "
    "trending recent mostread next prev previous seealso most top10 hot other others suggested promoted interest rel",
    "share": "share social sharing facebook twitter addthis sns follow like likes whatsapp email print sharebar "
    "sharethis socials weibo weixin vk telegram pinterest tools tool buttons addtoany",
    "comment": "comment comments commentlist disqus reply replies respond feedback commentary livefyre commentform "
    "discuss komentarze kommentare comentarios commentaires",
    "ad": "ad ads advert advertisement adv advertising sponsor sponsored promo promos promotion dfp outbrain taboola "
    "adsense gpt banner banners reklama werbung pub publicidad affiliate commercial partner",
    "widget": "widget module block box panel card tile plugin portlet component wrapper",
    "listing": "list items archive feed teaser teasers grid results index listing loop lists listitem cards collection "
    "river headlines blocklist",
    "form": "form search login signin subscribe newsletter signup register input subscription paywall field button btn "
    "submit searchform newsletters mailchimp donate donation contact",
    "popup": "cookie cookies consent gdpr popup modal overlay alert notice notification warning message toast dialog "
    "tooltip sticky cmp",
    "tag": "tag tags category categories cat topics keyword keywords label labels taglist taxonomy terms "
    "rubric section",
    "hidden": "hidden hide sr only visually screen reader invisible none offscreen noscript collapsed print",
    "quote": "quote blockquote pullquote pull infobox factbox fact highlight inset sidenote",
    "document": "code markdown md doc docs documentation wiki readme example examples mw parser output manual "
    "reference api docbook rst sphinx",
    "thread": "msg thread topic question answer answers answercell postcell messagetext messagebody forum bbcode "
    "postmessage commenttext threadpost qa",
    "shop": "product products price prices cart shop sku buy basket add order store review reviews rating "
    "ratings stars",
    "recipe": "recipe recipes ingredient ingredients instructions instruction directions direction steps step method "
    "preparation",
    "person": "bio about profile avatar authorbio vcard user username member account contributor biography poster",
}
"""Words by group. A word that stands in two groups counts for both."""

NAMES: tuple[str, ...] = tuple(GROUPS)
SKIPPED = 1 << 62
"""Beside the bits of groups: what is below is no text of the page (signs to link to a heading, to edit a section)."""
_SKIPPED = ("headerlink", "editsection")


@cache
def word_table() -> Table:
    """For each word the set of its groups, a bit for each."""
    groups: dict[str, int] = {}
    for number, words in enumerate(GROUPS.values()):
        for word in words.lower().split():
            groups[word] = groups.get(word, 0) | 1 << number
    groups |= dict.fromkeys(_SKIPPED, SKIPPED)
    return hash_table(groups.items())
