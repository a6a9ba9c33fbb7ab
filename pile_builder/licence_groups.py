"""Groups of SPDX names for licence policies, and where each is from.

Blue Oak: Blue Oak Council's licence list, version 15 (npm package @blueoak/list 15.0.0). ScanCode: the categories of
ScanCode LicenseDB, scancode-toolkit 32.3.1 (as PyPI's license-expression 30.4.4 has them). choosealicense: the
conditions that github/choosealicense.com gives at commit aed28f9 of 2024-02-19.

permissive: what Blue Oak rates Model, Gold, Silver or Bronze, also where ScanCode speaks of limited copyleft
(Artistic-2.0, Ruby). Left out are dedications to the public domain, LPPL-1.3c, which asks for the source
(choosealicense), and two BSD licences with a clause on nuclear facilities (ScanCode: free restricted). Added are
licences for text and data that ask for attribution: Creative Commons', ODC-By-1.0 and CDLA-Permissive. Blue Oak's
lowest rating, Lead (HPND, IJG, Fair and others), is in no group.

public-domain: ScanCode's category of that name, which are dedications, marks that say that there is no copyright, and
licences without conditions such as WTFPL; and what the source books says of texts that are free in the United States.

copyleft: ScanCode's categories Copyleft and Copyleft Limited, except what Blue Oak lists as permissive under any
rating, Lead included. Added are Vim, whose condition choosealicense calls the same licence, the other variants of the
fonts licence OFL, and SSPL-1.0, which ScanCode calls source-available.

non-commercial: licences that name the condition in their title.

`LicenseRef-CC-BY` and the like: what a text says that names a Creative Commons licence and no version; all versions of
one stand in one group.
"""

from __future__ import annotations

from collections.abc import Mapping

_GNU = tuple(
    f"{name}-{suffix}"
    for name in ("AGPL-1.0", "AGPL-3.0", "GPL-1.0", "GPL-2.0", "GPL-3.0", "LGPL-2.0", "LGPL-2.1", "LGPL-3.0")
    for suffix in ("only", "or-later")
)
_GFDL = tuple(
    f"GFDL-{version}{kind}-{suffix}"
    for version in ("1.1", "1.2", "1.3")
    for kind in ("", "-invariants", "-no-invariants")
    for suffix in ("only", "or-later")
)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "permissive": (
        "0BSD", "ADSL", "AFL-1.1", "AFL-1.2", "AFL-2.0", "AFL-2.1", "AFL-3.0", "AMDPLPA", "AML", "AMPAS", "ANTLR-PD",
        "Apache-1.0", "Apache-1.1", "Apache-2.0", "APAFML", "Artistic-2.0", "Bahyph", "Barr", "bcrypt-Solar-Designer",
        "BlueOak-1.0.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-2-Clause-FreeBSD", "BSD-2-Clause-NetBSD",
        "BSD-2-Clause-Patent", "BSD-2-Clause-Views", "BSD-3-Clause", "BSD-3-Clause-Attribution", "BSD-3-Clause-Clear",
        "BSD-3-Clause-HP", "BSD-3-Clause-LBNL", "BSD-3-Clause-Modification", "BSD-3-Clause-Open-MPI",
        "BSD-3-Clause-Sun", "BSD-4-Clause", "BSD-4-Clause-Shortened", "BSD-4-Clause-UC", "BSD-Source-Code", "BSL-1.0",
        "bzip2-1.0.5", "bzip2-1.0.6", "CFITSIO", "Clips", "CNRI-Jython", "CNRI-Python", "CNRI-Python-GPL-Compatible",
        "Cube", "curl", "DSDP", "ECL-1.0", "ECL-2.0", "eGenix", "Entessa", "FTL", "fwlw", "hdparm",
        "HPND-Fenneberg-Livingston", "HPND-sell-regexpr", "HTMLTIDY", "IBM-pibs", "ICU", "ImageMagick", "Info-ZIP",
        "Intel", "Intel-ACPI", "ISC", "JasPer-2.0", "Libpng", "libpng-2.0", "libtiff", "Linux-OpenIB", "MIT", "MIT-0",
        "MIT-advertising", "MIT-CMU", "MIT-enna", "MIT-feh", "MIT-Modern-Variant", "MIT-open-group", "MIT-testregex",
        "MIT-Wu", "MITNFA", "MS-PL", "MTLL", "MulanPSL-1.0", "MulanPSL-2.0", "Multics", "Mup", "Naumen", "NCSA",
        "Net-SNMP", "NetCDF", "NICTA-1.0", "NIST-Software", "NTP", "OGL-Canada-2.0", "OLDAP-2.0", "OLDAP-2.0.1",
        "OLDAP-2.1", "OLDAP-2.2", "OLDAP-2.2.1", "OLDAP-2.2.2", "OLDAP-2.3", "OLDAP-2.4", "OLDAP-2.5", "OLDAP-2.6",
        "OLDAP-2.7", "OLDAP-2.8", "OML", "OpenSSL", "PHP-3.0", "PHP-3.01", "Plexus", "PostgreSQL", "PSF-2.0",
        "Python-2.0", "Ruby", "Saxpath", "SGI-B-2.0", "SHL-0.5", "SMLNJ", "Spencer-99", "SunPro", "SWL", "TCL",
        "TCP-wrappers", "UCAR", "Unicode-DFS-2015", "Unicode-DFS-2016", "UnixCrypt", "UPL-1.0", "VSL-1.0", "W3C", "X11",
        "Xerox", "Xfig", "XFree86-1.1", "xlock", "Xnet", "xpp", "Zlib", "zlib-acknowledgement", "ZPL-2.0", "ZPL-2.1",
        "CC-BY-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-2.5-AU", "CC-BY-3.0", "CC-BY-3.0-AT", "CC-BY-3.0-AU",
        "CC-BY-3.0-DE", "CC-BY-3.0-IGO", "CC-BY-3.0-NL", "CC-BY-3.0-US", "CC-BY-4.0", "CDLA-Permissive-1.0",
        "CDLA-Permissive-2.0", "LicenseRef-CC-BY", "ODC-By-1.0",
    ),
    "public-domain": (
        "ANTLR-PD-fallback", "blessing", "CC-PDDC", "CC-PDM-1.0", "CC0-1.0", "diffmark", "FSFUL", "libselinux-1.0",
        "LZMA-SDK-9.11-to-9.20", "LZMA-SDK-9.22", "NCBI-PD", "NIST-PD", "NLPL", "NTIA-PD", "PDDL-1.0", "SAX-PD",
        "SAX-PD-2.0", "Symlinks", "Unlicense", "Unlicense-libtelnet", "Unlicense-libwhirlpool", "WTFPL",
        "LicenseRef-PublicDomain-US",
    ),
    "copyleft": (
        *_GNU, *_GFDL,
        "Aladdin", "APL-1.0", "APSL-1.0", "APSL-1.1", "APSL-1.2", "APSL-2.0", "Arphic-1999", "Artistic-dist",
        "BitTorrent-1.0", "BitTorrent-1.1", "BSD-Protection", "CAL-1.0", "CAL-1.0-Combined-Work-Exception",
        "CATOSL-1.1", "CC-BY-SA-1.0", "CC-BY-SA-2.0", "CC-BY-SA-2.0-UK", "CC-BY-SA-2.1-JP", "CC-BY-SA-2.5",
        "CC-BY-SA-3.0", "CC-BY-SA-3.0-AT", "CC-BY-SA-3.0-DE", "CC-BY-SA-3.0-IGO", "CC-BY-SA-4.0", "CC-SA-1.0",
        "CDDL-1.0", "CDDL-1.1", "CDL-1.0", "CDLA-Sharing-1.0", "CECILL-1.0", "CECILL-1.1", "CECILL-2.0", "CECILL-2.1",
        "CECILL-C", "CERN-OHL-S-2.0", "CERN-OHL-W-2.0", "copyleft-next-0.3.0", "copyleft-next-0.3.1", "CPAL-1.0",
        "CPL-1.0", "CUA-OPL-1.0", "D-FSL-1.0", "eCos-2.0", "EPL-1.0", "EPL-2.0", "ErlPL-1.1", "EUPL-1.0", "EUPL-1.1",
        "EUPL-1.2", "Eurosym", "FDK-AAC", "Frameworx-1.0", "FreeImage", "GCR-docs", "GL2PS", "Glide", "gnuplot",
        "gSOAP-1.3b", "Imlib2", "Interbase-1.0", "IPA", "IPL-1.0", "LAL-1.2", "LAL-1.3", "LGPLLR", "LiLiQ-P-1.1",
        "LiLiQ-R-1.1", "LiLiQ-Rplus-1.1", "Linux-man-pages-1-para", "Linux-man-pages-copyleft",
        "Linux-man-pages-copyleft-2-para", "Linux-man-pages-copyleft-var", "LPPL-1.0", "LPPL-1.1", "LPPL-1.2",
        "LPPL-1.3a", "MakeIndex", "Motosoto", "MPL-1.0", "MPL-1.1", "MPL-2.0", "MPL-2.0-no-copyleft-exception", "MS-RL",
        "NGPL", "Nokia", "NOSL", "Noweb", "NPL-1.0", "NPL-1.1", "NPOSL-3.0", "OCCT-PL", "OCLC-2.0", "ODbL-1.0",
        "OFL-1.0", "OFL-1.0-no-RFN", "OFL-1.0-RFN", "OFL-1.1", "OFL-1.1-no-RFN", "OFL-1.1-RFN", "OpenPBS-2.3",
        "OPL-1.0", "OSET-PL-2.1", "OSL-1.0", "OSL-1.1", "OSL-2.0", "OSL-2.1", "OSL-3.0", "Parity-6.0.0", "Parity-7.0.0",
        "PPL", "QPL-1.0", "QPL-1.0-INRIA-2004", "RHeCos-1.1", "RPL-1.1", "RPL-1.5", "RPSL-1.0", "RSCPL",
        "Sendmail-8.23", "SimPL-2.0", "Sleepycat", "SMAIL-GPL", "SMPPL", "SNIA", "SPL-1.0", "SSPL-1.0",
        "SugarCRM-1.1.3", "TAPR-OHL-1.0", "TGPPL-1.0", "TMate", "TORQUE-1.1", "TOSL", "TPL-1.0", "Ubuntu-font-1.0",
        "UCL-1.0", "URT-RLE", "Vim", "VOSTROM", "wxWindows", "YPL-1.0", "YPL-1.1", "Zimbra-1.3", "Zimbra-1.4",
        "LicenseRef-CC-BY-SA",
    ),
    "non-commercial": (
        "CC-BY-NC-1.0", "CC-BY-NC-2.0", "CC-BY-NC-2.5", "CC-BY-NC-3.0", "CC-BY-NC-3.0-DE", "CC-BY-NC-4.0",
        "CC-BY-NC-ND-1.0", "CC-BY-NC-ND-2.0", "CC-BY-NC-ND-2.5", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-3.0-DE",
        "CC-BY-NC-ND-3.0-IGO", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-1.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA-2.0-DE",
        "CC-BY-NC-SA-2.0-FR", "CC-BY-NC-SA-2.0-UK", "CC-BY-NC-SA-2.5", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-3.0-DE",
        "CC-BY-NC-SA-3.0-IGO", "CC-BY-NC-SA-4.0", "LicenseRef-CC-BY-NC", "LicenseRef-CC-BY-NC-ND",
        "LicenseRef-CC-BY-NC-SA", "NCGL-UK-2.0", "PolyForm-Noncommercial-1.0.0",
    ),
}  # fmt: skip
"""Names by group; no name is in two."""
