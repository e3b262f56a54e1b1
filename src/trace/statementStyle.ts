/** The style of a statement; the page allows this one by its hash. */
export const STATEMENT_STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--page:#fff;--band:#f6f8fa;--bad:#a40e26}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9aa4af;--line:#3a424c;--page:#0f1318;--band:#181d24;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:1.6rem 0 .4rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
header p{color:var(--dim);margin:0}
p,ul{margin:.4rem 0}
ul{padding-left:1.2rem}
.alarm{border-left:4px solid var(--bad);padding-left:.8rem;font-weight:600}
table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.92em}
caption{text-align:left;color:var(--dim);padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th{background:var(--band);font-weight:600;overflow-wrap:normal}
tbody th{font-weight:500}
tbody .s{white-space:nowrap}
th.n,.n{text-align:right;font-variant-numeric:tabular-nums}
@media screen and (max-width:46rem){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,th,td,caption{display:block}
tr{border-bottom:1px solid var(--line);padding:.4rem 0}
th,td,.n{border:0;padding:.1rem 0;text-align:left}
tbody th{font-weight:600}
td{display:flex;justify-content:space-between;gap:1rem}
td::before{content:attr(data-name);color:var(--dim);flex:0 0 auto;max-width:50%}
td:empty{display:none}
tbody .s{white-space:normal}
}
@media print{
:root{--ink:#000;--dim:#444;--line:#999;--page:#fff;--band:#eee;--bad:#000}
@page{size:A4;margin:10mm}
body{font-size:7.6pt;line-height:1.22}
main{max-width:none;padding:0}
h1{font-size:15pt}
h2{font-size:9.5pt;margin:.4rem 0 .1rem;padding:0;break-after:avoid}
p,ul{margin:.15rem 0}
table{margin:.1rem 0}
th,td{padding:.07rem .3rem}
caption{padding:.07rem 0}
tr,li,p,section{break-inside:avoid}
caption{break-after:avoid}
thead{display:table-header-group}
}
@media (forced-colors:active){thead th{border-bottom:2px solid}}
`;
