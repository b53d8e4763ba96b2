//! Throw-away RSA keys for tests, and for nothing else. Everybody knows them.
//!
//! Making an RSA key takes a good part of a second, and each test runs in its own process. So tests
//! sign with these fixed keys, which are in a public repository. A service that accepted a token
//! signed with one of them would let anybody in. That is why they have their own feature,
//! `test-keys`, which no production build enables.

/// A throw-away RSA-2048 key pair whose private half is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestKey {
    /// The key for tests that need only one.
    First,
    /// Another key: a rotated one, a forger's, another instance's.
    Second,
    /// A third key.
    Third,
}

impl TestKey {
    /// The private key: its PKCS #8 form (RFC 5208) as base64 with line breaks.
    pub(super) const fn pkcs8(self) -> &'static str {
        match self {
            Self::First => THROW_AWAY_TEST_KEY_1,
            Self::Second => THROW_AWAY_TEST_KEY_2,
            Self::Third => THROW_AWAY_TEST_KEY_3,
        }
    }
}

const THROW_AWAY_TEST_KEY_1: &str = "
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCknbJiUYpAJgtV
b92H+7ikxhkprIXPVX7a9icTwFSjRB/MZspG42ZFsnfjqwmEDf6+/V/NohmMY/sx
hDquNyEZ42Pd+HszAxrrK1+WE2gaVERJdlK6qUl4EX1p4gbSYf9cdVN3N35Iolay
VFTaFLSzgMuj3IbTSqnQCq+bQhtcKW03s4eSk6DuNGcb9gVOT2rlA3+Zaqwl7JUf
rtBnLc1d4r1av0JE9sRvcegjzaDdDX/OWeuEWPSdTc+pw8My5+0tv16BGlD2dEn+
saU2j5+V+PTI1YuxFxTkphz61iHVwYx98SpBmQ1rX0c0Yh2LKuSit5WS5/dR0g6y
P9YwTNOpAgMBAAECggEABc6qZF2MCwdMjw8LOajfsrBqYtX7Qn05pG/aoQ+/7KKS
nJtjt2x+Rycso5N9GnOD8SjvIEn/rLw6OFz51PuM52TmOQZzEjGh2XoGPT0iBwvB
/PV3pa4jMWEsk3et1e4vHAvnjeUfR2CyvkfLVoY0ecCpbnZxKzMPGo/F8iw62t1s
slhndXxbewoTIH97LUazuJSP4Wo2l6NJQ7COd4p+ccTxPKMgCH4/TCwKZ3gKYANb
9if5rCnWYKqdZHibikDUxemkbZ1aSy66YXyS3gchN26H/bc5gDwJc5jUIj79TJu/
jlyQk0CBE49J9tMHL73apHzZVoTW7WO2mDLxe9HcAQKBgQDlQ5T2w7TO+4gNmvdU
QxbOQro7UYB4gQTreW3Kq0Yighu3NI/C6A3VYfYoWOzAIFC0tH4sYTbA7BF0ding
KMH1Dy2gIIW4hqbVTMu5TNgef5qmmekVKjA/yoyAVBXvNUUnaTRZ3tPoN9/wQ0TI
biDSggHCPv0KnzfgtQzGPe4vUQKBgQC30B9AbseulQw4caW0D3Exh64yyeXFmS5t
hwyFR8HM7uPsSSKUOMgukDbQO/3n0VyveRcddgLqx0Vt56SD8NyN9f9TRrHWYmb4
qEUbdXREICPn2DNqL3qTl6IOlLBNsFCHZOPoUrS4rpXCVYtkwFtNN8w2Knx7EReG
Ix6AlP042QKBgQDkFcgtd6Z6BWPlpTZKbjRSH7CHMx5MxI7QdY31A1BTJH3OVkxv
681XbI4otc9TlNK19JtSK6T9ad4zrxsaF3JfCyqpE7H1UoDH1A8Z2oloTirddGGe
3MoDrM77HKx1vtl9y/x5LGZFsNDphwL3JBkjVJPLXD8CQkSlGXoL/7DnAQKBgCQE
qjsL+iDhn/Vnf5ra88lK1v2oxleD/q8DqZZsSzOHFC523knBHqjRJYyEVOqaAdl4
luj0+PlcduRkYb5g8jb3H0MINUzXF2pePrx0tYWr7p09pkWGbDSDoAPPawSuKfl9
8ZLSsgsGWt4ruRbTApEM//0VMjNDVCK6uv1jNINxAoGBAJSajp6PJKYyLz/rSheP
ZzAlxBZt9HM7UWz3Qjh7WNp6zNV17W0Ieg+CPL7LUIt6AhtbRFXSud0go6jb9XVy
DhyXLO7CXZNLaxI83mv4/brXWexkl3NBnK/hHwjamiYjBOirRRTJeRNdqRkppgd6
fGnz25l7BWhhk+ynT1lFtZn4
";

const THROW_AWAY_TEST_KEY_2: &str = "
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDTmuEJqmoRZbd9
8EkqMCndE6T/OZKKJyGXsnogox4j2+hptVUwxBre07A4GZV/Y9vxBRs3pGGtj0os
gGiPP3PyUV0q0XfGVd593YN2vbFKvsGEI0kiPrSv4IzP5Uz++4jjKD+pYjvW3Nau
96dCDZHUcNbhjhQow8NuXnAIqzowyneA0DypXd5BvKLvWoIuIe3qwBdU0hL61/hx
zbTjDAjs2cBOQ0/F1hwdCIQBscTRKSeLkaxxPd8HhKyclAAvxQQcV9FxyLeCAjWx
TxERXzWxfEp1FzLdCbjQUeJgzuwdhB16J7z9MHhzzEoH4YH9iXY1fPA7rdaVfYzi
619kMIrLAgMBAAECggEADYYlHh6+IdeosWvdeBXwhLrwHT/GcUcaZoZ3XE6i2Mom
ZjaWZY01U5Poji1Uavosl9m81wKyiS93Q9n+1MRc2mxtZIKcb2HLSfSkE3YlWzUF
3cixQsAvN5L8thFeO42xGgFFGXrco6JJo/5AA4C4O5OjzLs2wzHthezcXnqcN8Q/
p3+Jm6wedFloy7y+WGad15+21RWcOinThkcNbw9p3gzboiARDz7oakfKgL6jlFD8
9H8vlSaVFmC2kcMlvw45H350xoJaVJ5ePHOG95N7OrffKbo0vewHmp9P/p8fcfq1
Es5jLbvXgzha+oNXplXnrugJs/ytzvdkwLbPU5zLQQKBgQD6sYMN7QYRzcxBKAkh
l2Vp4ZAEH3NcqJAnSb4C/3mY/yneCykFvydFZbF0LI6VHrlkoH97NbrfKHn6prGu
ZrlPOxdAJT2kWVruCZwriXHBQ4O6w7jHeeP7mNXWX2gY9JfAOp9b2kR/4RH3fb/z
l4QmFW2yTPMjJXMMYUWNTrPi3wKBgQDYFYzRbfh2lCXr+fhC3hliRCaZlfr0x/T6
AympaarCFlkG/te8sR5o6Mf/CSz6/T7/j9+UyHD7KuS+YdZD9clWlRJYasWOyUP9
BdGPtI09W7C133S5rmYDOAor1/b5OwXHFUWEOoVj2aIx0G7RWhYO8MnGGnwBcmCb
82zSE1lhlQKBgFxaLoxfx/+hD+Dk7dA5JLwHw3UxXN9CnbBLgzs5gEMzpOnOtLMQ
Q1hWaTQCAhi/M871LWFnXss87wq+g/BamWOtwhf4YCf+XvgYBDcpsAVhaNLRrW2W
4rzaBdSuWvvuh0Tik7hTxS5S7Lp+0crcA2vAMyQfIubMsgBaiTPQTYaDAoGABMcN
MwA0cyK5Z+tB8vCILSUGmXS4dLsLDpANVsKQVPQ7ia0OxgxAeN9UtK3WQcJhpzLe
JaL85IDBR/hPzXbcub5YBn5t2cdXanu7c2rxiH7DfHHxWb2iYcXWa7u9qSsF6K3u
uIq2skt4i5NpL9XHERN/0pJ5VWra+fe62zY0TrUCgYAKTYLG7+mGPTObCQPOtoSW
C7GiV71BQhrp3EOJjbTEOiLwr0fMJe/52GG2aMvuNUuAwfIQgkcSkxLJGy631aRm
TCgdnhnRfDuKWYDh03R2z9v8mto1F4yOkEvlWOUlSGLtas4kqyIBVFpuu1m4RabT
p/HsjgahTgaCrC4iJZoWfw==
";

const THROW_AWAY_TEST_KEY_3: &str = "
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDsf4jlaq/34pH7
JiTz/wuCabsuUVYD1me9EVCux6J5gp8mQbVoeVmGlMYQVlMxiakRKmWjVPJJ8rjH
1Iez5h+aVU72PdBVCeapUuBKOopSTUbX8jKkE/kzyzwlb9dhWAsGQ3S0N/aHTdLn
wLA3PaG0KudFaDqiFkX3uCO+QtjheTXAtHJLIbC1QFcTrIz6juMJAwwbw7KoqarU
3s2dDCf844grPsE/Rivv7jJNCRCa8YDvUTy4HmeaXbwn2r6SE/DBd0l4o6xI4TXv
yaBuzBX8yplOw3e4uk4oIxn/FyBdMrzAW89ToQZVsUSBDKCZwjlWkIWQyg2Kz+il
Ksj1QQf5AgMBAAECggEAB7AOIMoG6heOAARhiWJyKvU5qdPoSEPnF6LpVOMlrY5A
0ucqKNkf/0NVDGkn92lmiumuR+DOJvf6SHmoxyDtCFDrWg8Ql4EUw86PPq54Olxr
d//WJFYHYOcDf6KK9W29nwCgma6jh4qwt0qg18zbta362ltc45G2iMrOM6Q75Vlh
tgO465QZv3XgsFquXTTn4legBZ60HqKzb+xx76tpPUVisFsi9Glme1NDUA/wNovb
fiXf2V/DKTZ0UFRfv6h10CSGraMuUim7fm+WHyDfRZxlalGdhTO8ndhN0gxOfdei
u1OL2l9c5A7e17kS3EXlOeVs/qchXBGTpYSGus1wQQKBgQD3SsUMdFwZm1tiUWrO
8jAe8TpgNYlBbOzKgArd6/lHMhDg+7F1pQq44SVTC2/puKqiyMssAaDmcqdIAV2I
ubzRuYFKarpAjhnXNJZVYEPmBZsG8u2v3NK6fnQ8f6ZPNhuQQmHGYNQi08CY+nrW
X2SD+pK0Y/LLmN6ThJTkorMHQQKBgQD003Z863up3q6jSbry/p6IlKLKTVWOYMkj
utk13skToYP+aaiQ25NCTZZe2WIz4PYn+isKFr7PlPXae7HZU/OgcC4D9iaXNCAr
WtUD+4BX7EpheFsf+mViDeGtA2nXsutN18hqJJk3Jy7SuANaOJfHcH3eJMoobkrz
c1RbN8hKuQKBgQCbM07mGSUwYQOCegypovA2izkS5qak7CLUmHW5f/7sAuz69pwS
dKl9DLirHPN44RAeqBxzGvaLiwuXsluskr2BdoZBWShZmZV4LiXnoUob1ArO2qn4
BIQwzWpQCeErt46nBDJvGZgp33Hx0MpFPotMFXf7RPs9ckzGkqALulzXwQKBgEQ1
wjZNmVebfgZqXVakD+E3oB9C6opPdtqojSnQFy+L+W1hXKB3PJDlcvacFBsmGw7K
SUF3UtQcyV6Exekp1Z+mgXuDEf9ge3H4zY5dfMWCRLrhQGopZiOqgGymnc+Fvr8i
VmkUJ0fRd98ne2+ggtEDC15f257mE6W+RQthAEGpAoGAXFTO9nsvuZ9R3WCH1fTD
Xne1zGB4KxKtIR9jHXCim28gcOFnBPYfB631OZ7lJ/nXevwZEOXqaxbjnK7yiM6C
MsrWJf1SCW77H2ykL3hw0sgbcOJPAiJtL/OJujumllaXw3u/hGHfPfWfLK/7FVTo
VBRtoB8mwf0rMm7XdVq5X8Y=
";
