/**
 * How it looks. Colours come from JupyterLab's variables, which reach into the shadow root, or are our own where there
 * are none; shades between are mixed from these two, so that any theme has contrast enough.
 */
export const STYLES = `
:host{all:initial;display:block;contain:layout style}
.root{container-type:inline-size;
--bg:var(--jp-layout-color1,var(--vscode-editor-background,#fff));--ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,#1d2127));
--ink2:color-mix(in srgb,var(--ink) 76%,var(--bg));--ink3:color-mix(in srgb,var(--ink) 67%,var(--bg));
--bg2:color-mix(in srgb,var(--ink) 3.5%,var(--bg));--bg3:color-mix(in srgb,var(--ink) 7%,var(--bg));
--line:color-mix(in srgb,var(--ink) 13%,var(--bg));--line2:color-mix(in srgb,var(--ink) 24%,var(--bg));
--accent:#2560c9;--on-accent:#fff;--warn:#855000;--ok:#1f7a4d;--bad:#b3261e;
--soft:color-mix(in srgb,var(--accent) 10%,var(--bg));--bar:color-mix(in srgb,var(--accent) 13%,var(--bg));
--warn-soft:color-mix(in srgb,#e59a1a 17%,var(--bg));--bad-soft:color-mix(in srgb,var(--bad) 9%,var(--bg));
--mono:var(--jp-code-font-family,ui-monospace,"JetBrains Mono",Menlo,Consolas,monospace);
--lift:0 6px 24px rgb(15 23 42/.16),0 1px 3px rgb(15 23 42/.14);
color-scheme:light}
.root.dark{--bg:var(--jp-layout-color1,var(--vscode-editor-background,#16191d));--ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,#e6e9ed));
--accent:#8ab2fa;--on-accent:#0d1422;--warn:#f0b45c;--ok:#67c492;--bad:#f5958d;
--soft:color-mix(in srgb,var(--accent) 17%,var(--bg));--bar:color-mix(in srgb,var(--accent) 16%,var(--bg));
--warn-soft:color-mix(in srgb,#f0b45c 17%,var(--bg));--bad-soft:color-mix(in srgb,var(--bad) 13%,var(--bg));
--lift:0 8px 28px rgb(0 0 0/.55),0 1px 3px rgb(0 0 0/.5);color-scheme:dark}
*,::before,::after{box-sizing:border-box;scrollbar-width:thin;scrollbar-color:color-mix(in srgb,var(--ink) 26%,transparent) transparent}
.rl{position:relative;display:grid;grid-template:44px minmax(0,1fr) 30px/200px minmax(0,1fr) clamp(264px,27%,380px);
height:536px;min-height:340px;max-height:2000px;resize:vertical;overflow:hidden;
font:13px/1.4 var(--jp-ui-font-family,Inter,system-ui,sans-serif);font-variant-numeric:tabular-nums;
color:var(--ink);background:var(--bg);border:1px solid var(--line);border-radius:6px;text-align:left;cursor:default}
.rl.noview{grid-template-columns:200px minmax(0,1fr)}
bdi{unicode-bidi:isolate}
button,input,select{font:inherit;color:inherit;letter-spacing:inherit}
button{background:none;border:0;padding:0;margin:0;cursor:default;text-align:inherit}
button:disabled{opacity:.5}
h3,h4,p,ul,dl,dd,dt,figure,pre{margin:0;padding:0}ul{list-style:none}
:focus{outline:none}:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.i{flex:none;fill:none;stroke:currentColor;stroke-width:1.25;stroke-linecap:round;stroke-linejoin:round}
.sp{flex:1}.m{color:var(--ink2)}.sub{color:var(--ink2)}.mono{font-family:var(--mono);font-size:12px}
.what{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.n{color:var(--ink3)}.dir{color:var(--ink3)}
[hidden]{display:none!important}
.spoken{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
kbd,.kbd{font:11px/1 var(--mono);border:1px solid var(--line2);border-radius:4px;padding:2px 5px;color:var(--ink3);background:var(--bg)}

.header{grid-column:1/-1;display:flex;align-items:center;gap:10px;padding:0 12px;border-bottom:1px solid var(--line);min-width:0}
.crumbs{display:flex;align-items:center;gap:6px;white-space:nowrap;min-width:0;flex:0 1 auto;max-width:45%;overflow:hidden}
.crumbs button,.crumb span{overflow:hidden;text-overflow:ellipsis}
.crumbs .place{font-weight:600;flex:0 0 auto;max-width:200px}.crumb{display:inline-flex;gap:6px;min-width:0;align-items:center;overflow:hidden}
.crumb i{color:var(--ink3);font-style:normal}.crumbs button{border-radius:3px}.crumbs button:hover{color:var(--accent)}
.crumbs button:focus-visible{outline-offset:-2px}
.search{position:relative;flex:1 1 220px;min-width:0;height:28px;border:1px solid var(--line);border-radius:6px;background:var(--bg2);display:flex;align-items:center;gap:6px;padding:0 7px;color:var(--ink3)}
.search:focus-within{border-color:var(--accent);background:var(--bg);box-shadow:0 0 0 1px var(--accent)}
.search input{flex:1 1 80px;min-width:50px;height:100%;border:0;background:none;padding:0;color:var(--ink)}
.search input:focus-visible{outline:none}.search input::placeholder,input::placeholder{color:var(--ink3);opacity:1}
.chips{display:flex;gap:4px;min-width:0;flex:0 1 auto;overflow:hidden}.chips:empty{display:none}
.chip{background:var(--soft);color:var(--accent);border-radius:4px;padding:1px 4px 1px 6px;font-weight:500;display:inline-flex;align-items:center;gap:3px;white-space:nowrap;min-width:0;flex:0 1 auto}
.chip bdi{overflow:hidden;text-overflow:ellipsis}.chip .i{width:12px;height:12px;opacity:.8}.chip:hover{background:var(--bar)}.chip:focus-visible{outline-offset:-2px}
.search .clear{color:var(--ink2);font-size:12px}.search .clear:hover{color:var(--ink)}
.popup{position:absolute;z-index:30;left:-1px;right:-1px;top:31px;max-height:280px;overflow:auto;background:var(--bg);border:1px solid var(--line2);border-radius:6px;box-shadow:var(--lift);padding:4px;color:var(--ink)}
.option{display:flex;gap:8px;align-items:baseline;padding:3px 8px;border-radius:4px}.option .what{flex:1}
.option[aria-selected=true],.option:hover{background:var(--soft)}.option .sort{color:var(--ink3);font-size:12px;flex:none;min-width:48px;max-width:40%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.btn{height:28px;padding:0 10px;border:1px solid var(--line2);border-radius:6px;display:inline-flex;gap:6px;align-items:center;justify-content:center;font-weight:500;white-space:nowrap;background:var(--bg)}
.btn:hover:not(:disabled){background:var(--bg3)}.btn:active:not(:disabled){background:var(--line)}
.btn.pri{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
.btn.pri:hover:not(:disabled){background:color-mix(in srgb,var(--accent) 88%,var(--ink));border-color:transparent}
.btn.pri:focus-visible{outline-offset:2px}
.btn.danger{background:var(--bad);border-color:var(--bad)}.dark .btn.danger{color:#2b0a07}
.btn.icon{padding:0;width:28px;flex:none}.btn.small{width:20px;height:20px;border-color:transparent;background:none}
.btn.drawer,.columns .i{display:none}
.link{color:var(--accent);font-weight:500;border-radius:3px;white-space:nowrap}.link:hover{text-decoration:underline}.link.bad,.bad{color:var(--bad)}
.plain:hover{color:var(--ink)}

.f{position:relative;border-right:1px solid var(--line);padding:10px 0;overflow:hidden auto;background:var(--bg)}
.skip{position:absolute;left:-999px;z-index:3;margin:0 12px 6px;padding:3px 8px;background:var(--bg);border:1px solid var(--line2);border-radius:5px}.skip:focus-visible{left:0}
.grp{margin-bottom:10px}.grp h4 button{display:flex;align-items:center;gap:4px;width:100%;padding:0 12px 3px}
h4{font-size:11px;line-height:1.6;font-weight:600;color:var(--ink2)}
.grp h4 bdi{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.grp h4 .i{width:10px;height:10px;margin-left:auto;transition:transform .12s;opacity:.55}.grp h4 button[aria-expanded=true] .i{transform:rotate(90deg);opacity:0}
.grp h4 button:hover .i,.grp h4 button:focus-visible .i{opacity:.8}
.fv{position:relative;display:flex;justify-content:space-between;gap:8px;align-items:center;padding:0 12px;height:24px;width:100%}
.fv::before{content:"";position:absolute;left:8px;top:2px;bottom:2px;width:calc((100% - 16px)*var(--p));background:var(--bar);border-radius:4px;transition:width .18s}
.fv::after{content:"";position:absolute;inset:1px 7px;border-radius:5px;border:1px solid transparent}.fv:hover::after{border-color:var(--line2)}
.fv .v{position:relative;z-index:1;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}.fv .n{position:relative;z-index:1;flex:none}
.fv.on{color:var(--accent);font-weight:500}.fv.on .n{color:var(--accent)}.fv.on::before{background:color-mix(in srgb,var(--accent) 20%,var(--bg))}
.fv.on::after{border-color:color-mix(in srgb,var(--accent) 45%,var(--bg))}
.fv:focus-visible{outline-offset:-3px;border-radius:6px}
.quiet,.unseen{padding:2px 12px;color:var(--ink3);font-size:12px}.quiet:hover{color:var(--accent)}
.skeletons{padding:4px 12px}.skeletons .bone{margin-bottom:12px}

.main{position:relative;min-width:0;overflow:hidden;display:flex;flex-direction:column}.main.all{grid-column:1/-1}
.scroller{flex:1;min-height:0;overflow:auto;overflow-anchor:none;position:relative;outline-offset:-2px}
.stale .head::after{content:"";position:absolute;left:0;bottom:0;height:2px;width:30%;background:var(--accent);animation:appear .1s .15s backwards,to-and-fro 1.2s ease-in-out infinite alternate}
.head{position:sticky;top:0;z-index:2;overflow-x:clip;background:var(--bg);min-width:max(100%,var(--least))}
.row{display:grid;grid-template-columns:var(--cols);align-items:center;height:30px;min-width:max(100%,var(--least))}
.head .row{border-bottom:1px solid var(--line);font-size:11px;font-weight:600;color:var(--ink2)}
.head .row>span{position:relative;padding:0 8px;min-width:0;height:30px;display:flex;align-items:center}.head .r{justify-content:flex-end}
.head button{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;height:22px;border-radius:3px}.head button:hover{color:var(--ink)}
.head [aria-sort=ascending] button,.head [aria-sort=descending] button{color:var(--ink)}
.grip{position:absolute;right:-3px;top:5px;bottom:5px;width:7px;cursor:col-resize;z-index:1;touch-action:none}
.grip::after{content:"";position:absolute;left:3px;top:0;bottom:0;width:1px;background:transparent}.head:hover .grip::after{background:var(--line)}.grip:hover::after{background:var(--accent)!important}
.space{position:relative;min-width:max(100%,var(--least));contain:size layout style}
.space .row{position:absolute;left:0;right:0;top:0;contain:layout style;user-select:none;-webkit-user-select:none}
.space .row>span{padding:0 8px;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;line-height:30px;height:30px}
.row:hover{background:var(--bg2)}.row.sel{background:var(--soft)}
.space .row.cur.sel{box-shadow:inset 2px 0 0 var(--accent)}
.space .row:focus-visible{outline:2px solid var(--accent);outline-offset:-2px;z-index:1;border-radius:3px}
.row .k{padding:0 0 0 10px!important;color:var(--ink3);display:flex;align-items:center}.r{text-align:right}
.row .name{display:flex;align-items:center;gap:7px}.names{display:flex;min-width:0}.names .dir{direction:rtl;overflow:hidden;text-overflow:ellipsis;flex:0 10000000 auto;min-width:2.2ch}.names .rest{overflow:hidden;text-overflow:ellipsis;flex:0 1 auto;min-width:0}
.ver{color:var(--ink3);font-size:11px;flex:none;border-radius:3px;padding:0 3px;line-height:16px}.ver:hover{color:var(--accent);background:var(--bar)}
.tag{flex:none;font-size:11px;line-height:16px;color:var(--ink2);border:1px solid var(--line2);border-radius:4px;padding:0 5px}
.ttl{color:var(--warn);background:var(--warn-soft);border-radius:4px;padding:1px 6px;font-size:12px;line-height:1.4}.ttl.soon{font-weight:600}
.doomed,.doomed *{color:var(--ink3)!important}.doomed .names{text-decoration:line-through}.gone{color:var(--ink3);font-style:italic}
.bone{display:block;height:9px;border-radius:4px;background:var(--bg3)}.row .bone{margin-top:10.5px}
.bones{display:flex;flex-direction:column;gap:11px;padding:12px 8px}
.ghosts{padding:22px;display:flex;flex-direction:column;gap:21px;animation:appear .2s}
.state{position:absolute;inset:30px 0 0;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:10px;padding:24px;text-align:center;background:var(--bg);animation:appear .15s}
.all .state{inset:0}
.state h3{font-size:15px;line-height:1.3;color:var(--ink)}.state p{max-width:44ch;color:var(--ink2);text-wrap:balance;overflow-wrap:anywhere}.state .code{min-width:220px}
.strip{display:flex;gap:8px;align-items:center;padding:6px 12px;background:var(--bad-soft);border-bottom:1px solid var(--line);font-size:12px}
.strip span{flex:1;color:var(--ink)}

.p{position:relative;border-left:1px solid var(--line);padding:14px 16px;overflow:hidden auto;display:flex;flex-direction:column;gap:12px;background:var(--bg)}
.p>*{flex:none;min-width:0}.p .hint{margin:auto;color:var(--ink2);text-align:center;line-height:2}.hint .sum{color:var(--ink);font-weight:600}.hint .keys{font-size:12px;color:var(--ink3)}
.title{padding-right:26px}.p h3{font-size:15px;line-height:1.3;font-weight:600;overflow-wrap:anywhere;margin-bottom:2px;display:-webkit-box;-webkit-line-clamp:4;-webkit-box-orient:vertical;overflow:hidden}
.p h3 .dir{font-weight:500}.p .sub{overflow-wrap:anywhere}
.shut{position:absolute!important;right:8px;top:9px;border-color:transparent!important;color:var(--ink3)}
.acts{display:flex;gap:6px}.acts .btn{flex:1 1 0;padding:0 6px;min-width:0}.acts .btn.icon{flex:0 0 34px}
.pv{border:1px solid var(--line);border-radius:6px;overflow:hidden;min-height:56px}
.pv table{border-collapse:collapse;font:12px/1.2 var(--mono);min-width:100%}
.wide-scroll{overflow:auto;max-height:240px;scrollbar-width:thin}
.pv th{position:sticky;top:0;background:var(--bg);text-align:left;height:38px;line-height:1.35;font-weight:600;box-shadow:inset 0 -1px 0 var(--line)}
.pv th small{display:block;font-weight:400;color:var(--ink3);font-size:10.5px}
.pv td{height:24px}.pv td,.pv th{padding:0 8px;white-space:nowrap;max-width:180px;overflow:hidden;text-overflow:ellipsis}.pv .r{text-align:right}
.pv tbody tr:nth-child(even) td{background:var(--bg2)}
.cap{padding:5px 8px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;border-top:1px solid var(--line);color:var(--ink3);font-size:11.5px}
.pv pre{font:12px/1.5 var(--mono);padding:8px;max-height:240px;overflow:auto;white-space:pre;tab-size:4}
.pv.image img{display:block;max-width:100%;max-height:260px;margin:auto;background:repeating-conic-gradient(var(--bg3) 0 25%,var(--bg) 0 50%) 0 0/16px 16px}
.pv .none{padding:14px 10px;color:var(--ink2);text-align:center;overflow-wrap:anywhere}.pv .none .link{display:block;margin:6px auto 0}
.members{overflow:hidden auto;max-height:240px;scrollbar-width:thin}
.members li{display:flex;gap:7px;align-items:center;height:25px;padding:0 8px;white-space:nowrap}.members .what{flex:1}.members .i{color:var(--ink3)}
.members:focus-visible,.wide-scroll:focus-visible,pre:focus-visible{outline-offset:-2px}
.p>.members{margin:0 -8px;max-height:none}
dl>div{display:grid;grid-template-columns:86px minmax(0,1fr);gap:8px;padding:1.5px 0}dt{color:var(--ink3)}
dt,dd{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}dl .own+div:not(.own){margin-top:6px;padding-top:7px;border-top:1px solid var(--line)}
.code{display:flex;gap:8px;align-items:baseline;background:var(--bg2);border-radius:4px;padding:5px 8px;font-size:12px}
.code code{font:12px/1.5 var(--mono);flex:1;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;text-align:left}
.versions h4{margin-bottom:3px}.versions li{display:flex;gap:8px;align-items:center;height:26px;padding:0 6px;margin:0 -6px;border-radius:4px;font-size:12px}
.versions .what{flex:1;font:11.5px var(--mono)}.versions .on{background:var(--soft)}
.trouble{color:var(--bad);display:flex;gap:8px;overflow-wrap:anywhere}.trouble span{flex:1}

.footer{grid-column:1/-1;border-top:1px solid var(--line);background:var(--bg2);display:flex;align-items:center;gap:12px;padding:0 18px 0 12px;color:var(--ink2);font-size:12px;white-space:nowrap;min-width:0}
.footer>span{min-width:0}.chosen:empty{display:none}.count{display:flex;gap:10px;align-items:center;min-width:0;overflow:hidden}.count>span{overflow:hidden;text-overflow:ellipsis}
.count .plain{position:relative;padding-left:12px;overflow:hidden;text-overflow:ellipsis}.count .plain::before{content:"·";position:absolute;left:1px}
.footer button:focus-visible{outline-offset:-2px}
.busiest{display:flex;gap:10px;align-items:center;min-width:0}.busiest .plain{display:flex;gap:8px;align-items:center;min-width:0}.busiest .what{max-width:180px}
.bar{width:110px;height:4px;border-radius:2px;background:var(--line);overflow:hidden;flex:none}.bar i{display:block;height:100%;background:var(--accent);border-radius:2px;transition:width .2s linear}
.bar.unknown i{animation:to-and-fro 1.4s ease-in-out infinite alternate}.wait{color:var(--warn)}
.over{position:absolute;left:0;right:0;bottom:30px;z-index:15;display:flex;flex-direction:column;align-items:center;gap:8px;pointer-events:none;padding:0 12px 10px}.over>*{pointer-events:auto}
.panel{align-self:stretch;background:var(--bg);border:1px solid var(--line2);border-radius:6px;box-shadow:var(--lift);max-height:220px;display:flex;flex-direction:column;animation:appear .12s}
.bar-head{display:flex;align-items:center;gap:8px;padding:4px 6px 4px 12px;border-bottom:1px solid var(--line);font-size:12px}.bar-head .btn{border-color:transparent;height:24px;width:24px}
.panel ul{overflow:auto;padding:4px 0}.panel li{display:flex;gap:10px;align-items:center;height:28px;padding:0 12px;white-space:nowrap;font-size:12px}.panel li>.i{color:var(--ink3)}
.panel .what{flex:1 1 120px}.panel .words{color:var(--ink2);overflow:hidden;text-overflow:ellipsis;min-width:0}.panel .failed .words{color:var(--bad)}.panel .done>.i{color:var(--ok)}
.toast{display:flex;gap:12px;align-items:center;max-width:100%;background:var(--bg);border:1px solid var(--line2);border-radius:6px;box-shadow:var(--lift);padding:5px 6px 5px 12px;animation:appear .12s;overflow:hidden;position:relative}
.toast.bad{border-color:var(--bad)}.toast.bad .what{white-space:normal;overflow-wrap:anywhere}
.undo::after{content:"";position:absolute;left:0;bottom:0;height:2px;width:100%;background:var(--accent);transform-origin:left;animation:life var(--life) linear forwards}.undo bdi{font-weight:500}
.menu{position:absolute;z-index:40;min-width:200px;max-width:min(340px,94%);max-height:min(420px,88%);overflow:auto;background:var(--bg);border:1px solid var(--line2);border-radius:6px;box-shadow:var(--lift);padding:4px;display:flex;flex-direction:column}
.menu button{display:flex;gap:10px;align-items:center;min-height:27px;padding:0 10px;border-radius:4px;flex:none}.menu button:hover,.menu button:focus-visible{background:var(--soft);outline:none}
.menu .what{flex:1}.menu .n{font-size:12px}.menu .check{width:14px;color:var(--accent)}
.veil{position:absolute;inset:0;z-index:50;background:rgb(16 22 34/.34);display:grid;place-items:center;padding:14px;animation:appear .1s;overflow:auto}
.dialog{width:min(430px,100%);max-height:100%;overflow:auto;background:var(--bg);border:1px solid var(--line2);border-radius:8px;box-shadow:var(--lift);padding:16px}
.dialog h3{font-size:15px;line-height:1.3;font-weight:600;margin-bottom:10px}.dialog form{display:flex;flex-direction:column;gap:10px}
.dialog .sub,.dialog .note{overflow-wrap:anywhere}.dialog .note{color:var(--ink2)}
.dialog label{display:grid;grid-template-columns:84px minmax(0,1fr);align-items:center;gap:8px;color:var(--ink2)}
.dialog input[type=text],.dialog select{height:28px;border:1px solid var(--line2);border-radius:5px;background:var(--bg);color:var(--ink);padding:0 8px;min-width:0;width:100%}
.dialog input:focus-visible,.dialog select:focus-visible{outline-offset:-1px}
.dialog .members{max-height:164px;border:1px solid var(--line);border-radius:6px;padding:3px 0}
.buttons{display:flex;justify-content:flex-end;gap:8px;margin-top:2px}.problem{color:var(--bad);overflow-wrap:anywhere}.problem:empty{display:none}
.drop{border:1px dashed var(--line2);border-radius:6px;padding:10px;display:flex;flex-direction:column;gap:10px}.drop>p{text-align:center;color:var(--ink2);padding:12px 0 4px}.drop.over{border-color:var(--accent);background:var(--soft)}
.drop .members{border:0!important;padding:0!important}.choose{display:flex;gap:8px;align-items:center;flex-wrap:wrap}.drop>p+.choose{justify-content:center}
.pairs{display:flex;flex-direction:column;gap:6px;align-items:flex-start}.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.4fr) 20px;gap:6px;align-items:center;width:100%}
.dropping{position:absolute;inset:4px;z-index:60;display:grid;place-items:center;font-size:15px;font-weight:600;color:var(--accent);border:2px dashed var(--accent);border-radius:6px;background:color-mix(in srgb,var(--bg) 88%,transparent);pointer-events:none}
@keyframes appear{from{opacity:0}}
@keyframes life{to{transform:scaleX(0)}}
@keyframes to-and-fro{from{transform:translateX(-60%)}to{transform:translateX(240%)}}
@container (max-width:1119px){.rl{grid-template-columns:180px minmax(0,1fr) 264px}.rl.noview{grid-template-columns:180px minmax(0,1fr)}}
@container (max-width:959px){.p{padding:12px}dl>div{grid-template-columns:80px minmax(0,1fr);gap:6px}.rl{grid-template-columns:164px minmax(0,1fr) 256px}.rl.noview{grid-template-columns:164px minmax(0,1fr)}.busiest .words{display:none}.rl:not(.some):not(.noview){grid-template-columns:164px minmax(0,1fr)}.rl:not(.some) .p{display:none}}
@container (max-width:719px){
.rl,.rl.noview,.rl:not(.some):not(.noview){grid-template:44px minmax(0,1fr) 30px/minmax(0,1fr)}
.rl.some:not(.noview){grid-template-rows:44px minmax(0,1fr) minmax(0,48%) 30px}
.wide,.columns span{display:none!important}.columns .i{display:block}.columns{padding:0;width:28px;flex:none}.btn.drawer{display:inline-flex}.header{gap:8px;padding:0 8px}.place{max-width:110px!important}
.f{position:absolute;z-index:12;left:0;top:44px;bottom:30px;width:min(236px,80%);box-shadow:var(--lift);visibility:hidden;transform:translateX(-100%);transition:transform .14s,visibility .14s}
.drawn .f{visibility:visible;transform:none}
.p{border-left:0;border-top:1px solid var(--line2);padding:12px}
.bar{width:70px}.busiest .what{max-width:90px}.footer{gap:8px;padding:0 16px 0 8px}.search .kbd{display:none}
}
@container (max-width:480px){.crumb,.count .plain{display:none!important}}
@media (prefers-reduced-motion:reduce){*,::before,::after{animation-duration:.01ms!important;transition:none!important}.undo::after{animation-duration:var(--life)!important}}
@media (forced-colors:active){.row.sel,.fv.on{outline:1px solid Highlight;outline-offset:-1px}.bar i{background:Highlight}}
`;
