"""Names as strangers would give them to be run by a browser: titles, addresses, keys, sources, licences."""

NOWHERE = "http://127.0.0.1:1"
"""Where nothing answers; what asks there was made to."""
HOSTILE_NAMES = (
    "<script>alert('1')</script>",
    "</script><script>alert('2')</script>",
    "</title></style></svg></pre></textarea></noscript><script>alert('3')</script>",
    "<img src=x onerror=alert('4')>",
    f"<img src={NOWHERE}/pixel><link rel=stylesheet href={NOWHERE}/x.css><base href={NOWHERE}/>",
    f"<meta http-equiv=refresh content='0;url={NOWHERE}/'><iframe src=javascript:alert('5')></iframe>",
    "\" onmouseover=\"alert('6')\" autofocus onfocus=\"alert('7')\" x=\"",
    "' onclick='alert(8)' style='background:url(http://127.0.0.1:1/y)",
    "javascript:alert('9')",
    "<a href=\"javascript:alert('10')\" id=x>x</a><svg onload=alert('11')><animate onbegin=alert('12')>",
    "data:text/html,<script>alert('13')</script>",
    "]]>--!><!--<![CDATA[<script>alert('14')</script>",
    "{{7*7}}${7*7}#{7*7}<%=7*7%>{{constructor.constructor('alert(15)')()}}",
    "\u202e\u2066\u2067" * 300 + "<b>owned</b>" + "\u2069\u202c" * 300,
    "\ufeff\u200b\u2028\u2029\x00\x1b]0;owned\x07\x9b31m",
    "&lt;script&gt;alert('16')&lt;/script&gt;&#x3c;script&#x3e;",
    "<template><script>alert('17')</script></template>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert('18')>",
)  # fmt: skip
HOSTILE_NAME = " ".join(HOSTILE_NAMES)
"""All of them as one."""
