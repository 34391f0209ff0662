// Questions to the catalogs. They stay out of sql/queries: what generates the typed queries cannot be made of them.

/** The schemas that are ours; graphile_* belong to their tools. */
export const OUR_SCHEMAS = ['app_hidden', 'app_private', 'app_public', 'audit', 'partitions']

/** Names of partitions that carry a date, so differ from day to day: logs_p202511. */
const DATED = String.raw`_p\d{6,8}$`

/** Privileges as json; `kind` is the letter of acldefault(). An object without an ACL has the default one. */
const acl = (column: string, kind: string, owner: string) => `(
  select json_agg(json_build_object('grantee', coalesce(r.rolname, 'public'), 'privilege', p.privilege, 'grantable', p.grantable, 'change', p.change)
                  order by coalesce(r.rolname, 'public') collate "C", p.privilege collate "C")
  from (
    select grantee, lower(privilege_type) as privilege, coalesce(bool_or(now.is_grantable), false) as grantable,
           case when bool_and(now.is_grantable is null) then 'removed' when bool_and(born.is_grantable is null) then 'added' else 'default' end as change
    from aclexplode(coalesce(${column}, acldefault('${kind}', ${owner}))) as now
    full join aclexplode(acldefault('${kind}', ${owner})) as born using (grantee, privilege_type)
    group by grantee, privilege_type
  ) as p
  left join pg_roles r on r.oid = p.grantee)`

const member = (catalog: string, oid: string) =>
  `exists (select from pg_depend e where e.classid = '${catalog}'::regclass and e.objid = ${oid} and e.deptype = 'e')`

const OURS = `
  select c.*, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not (c.relname ~ '${DATED}' and (c.relispartition or n.nspname = 'partitions'))
    and not ${member('pg_class', 'c.oid')}`

export const RELATIONS = `
  select c.oid, c.nspname as schema, c.relname as name, c.relkind as kind, pg_get_userbyid(c.relowner) as owner,
         c.relpersistence as persistence, coalesce((select array_agg(o order by o) from unnest(c.reloptions) o), '{}') as options,
         c.relrowsecurity as "rowSecurity", c.relforcerowsecurity as forced, c.relreplident as "replicaIdentity",
         case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid, true) end as definition,
         case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as "partitionKey",
         (select i.inhparent::regclass::text from pg_inherits i where i.inhrelid = c.oid) as "partitionOf",
         pg_get_expr(c.relpartbound, c.oid) as bound, obj_description(c.oid, 'pg_class') as comment,
         ${acl('c.relacl', 'r', 'c.relowner')} as acl
  from (${OURS}) c order by c.nspname collate "C", c.relname collate "C"`

const SEQUENCE_SETTINGS = `format('increment %s minvalue %s maxvalue %s start %s cache %s%s',
  s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, case when s.seqcycle then ' cycle' else '' end)`

export const COLUMNS = `
  select c.oid as relation, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull",
         (select k.conname || case when k.convalidated then '' else ' not valid' end || case when k.connoinherit then ' no inherit' else '' end
          from pg_constraint k where k.conrelid = c.oid and k.contype = 'n' and k.conkey = array[a.attnum]
            and (k.conname <> c.relname || '_' || a.attname || '_not_null' or not k.convalidated or k.connoinherit)
            and k.coninhcount = 0) as "notNullConstraint",
         pg_get_expr(d.adbin, d.adrelid, true) as default, a.attgenerated as generated, a.attidentity as identity,
         (select ${SEQUENCE_SETTINGS} from pg_depend p join pg_sequence s on s.seqrelid = p.objid
          where p.classid = 'pg_class'::regclass and p.refobjid = c.oid and p.refobjsubid = a.attnum and p.deptype = 'i') as "identitySequence",
         case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation,
         array_remove(array[
           case when a.attstorage <> t.typstorage then 'storage ' || a.attstorage::text end,
           case when a.attcompression <> '' then 'compression ' || a.attcompression::text end,
           case when a.attstattarget is not null then 'statistics ' || a.attstattarget end,
           case when a.attoptions is not null then 'options ' || a.attoptions::text end], null) as extras,
         col_description(c.oid, a.attnum) as comment, ${acl('a.attacl', 'c', 'c.relowner')} as acl
  from (${OURS}) c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  order by c.oid, a.attnum`

// A foreign key to a partitioned table has a copy for each partition, and a partition one for each key of its parent: conparentid.
export const CONSTRAINTS = `
  select c.oid as relation, k.conname as name, k.contype as type, pg_get_constraintdef(k.oid, true) as definition,
         (select array_agg(a.attname::text order by x.position) from unnest(k.conkey) with ordinality as x (number, position)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.number) as columns,
         case when k.confrelid <> 0 then k.confrelid::regclass::text end as references,
         (select n.nspname from pg_class f join pg_namespace n on n.oid = f.relnamespace where f.oid = k.confrelid) as "referencedSchema",
         (select f.relname from pg_class f where f.oid = k.confrelid) as "referencedName",
         (select array_agg(a.attname::text order by x.position) from unnest(k.confkey) with ordinality as x (number, position)
          join pg_attribute a on a.attrelid = k.confrelid and a.attnum = x.number) as "referencedColumns",
         obj_description(k.oid, 'pg_constraint') as comment
  from (${OURS}) c join pg_constraint k on k.conrelid = c.oid
  where k.contype in ('p', 'u', 'x', 'f', 'c') and k.conparentid = 0
  order by c.oid, array_position(array['p', 'u', 'x', 'f', 'c'], k.contype::text), k.conname collate "C"`

export const INDEXES = `
  select c.oid as relation, i.relname as name, pg_get_indexdef(i.oid) as definition, obj_description(i.oid, 'pg_class') as comment,
         exists (select from pg_constraint k where k.conindid = i.oid and k.conrelid = c.oid and k.contype in ('p', 'u', 'x')) as "ofConstraint",
         array_remove(array[case when not x.indisvalid then 'invalid' end, case when x.indisclustered then 'clustered' end,
                            case when x.indisreplident then 'replica identity' end], null) as flags
  from (${OURS}) c join pg_index x on x.indrelid = c.oid join pg_class i on i.oid = x.indexrelid
  order by c.oid, i.relname collate "C"`

export const TRIGGERS = `
  select c.oid as relation, t.tgname as name, pg_get_triggerdef(t.oid, true) as definition, t.tgenabled as enabled,
         obj_description(t.oid, 'pg_trigger') as comment
  from (${OURS}) c join pg_trigger t on t.tgrelid = c.oid
  where not t.tgisinternal and (t.tgparentid = 0 or t.tgenabled <> 'O')
  order by c.oid, t.tgname collate "C"`

export const POLICIES = `
  select c.oid as relation, p.polname as name, p.polpermissive as permissive,
         case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
         (select array_agg(case when r = 0 then 'public' else pg_get_userbyid(r)::text end order by case when r = 0 then 'public' else pg_get_userbyid(r)::text end collate "C")
          from unnest(p.polroles) r) as roles,
         pg_get_expr(p.polqual, c.oid, true) as using, pg_get_expr(p.polwithcheck, c.oid, true) as check,
         obj_description(p.oid, 'pg_policy') as comment
  from (${OURS}) c join pg_policy p on p.polrelid = c.oid order by c.oid, p.polname collate "C"`

export const RULES = `
  select c.oid as relation, pg_get_ruledef(r.oid, true) as definition, r.ev_enabled as enabled, obj_description(r.oid, 'pg_rewrite') as comment
  from (${OURS}) c join pg_rewrite r on r.ev_class = c.oid where r.rulename <> '_RETURN' order by c.oid, r.rulename collate "C"`

const SHAPE = (oid: string) => `(
  select array_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity, pg_get_expr(d.adbin, d.adrelid))
                   order by a.attname)
  from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped)`

// Each part of a look names an object by what it does: a name would carry the date.
export const MONTHS = `
  select look.parent, look.look, array_agg(look.name order by look.name collate "C") as names
  from (
    select i.inhparent as parent, c.relname::text as name, concat_ws(', ',
      'schema ' || n.nspname, 'owner ' || pg_get_userbyid(c.relowner),
      case c.relpersistence when 'p' then null else 'persistence ' || c.relpersistence::text end,
      'options ' || c.reloptions::text,
      'row security ' || case when c.relrowsecurity then 'enabled' else 'DISABLED' end,
      case when c.relforcerowsecurity then 'forced' else 'NOT FORCED' end,
      coalesce((select 'GRANTS ' || string_agg(distinct coalesce(r.rolname, 'public') || '=' || lower(x.privilege_type), ' ')
                from (select a.* from aclexplode(c.relacl) a
                      union all select a.* from pg_attribute t, aclexplode(t.attacl) a where t.attrelid = c.oid) x
                left join pg_roles r on r.oid = x.grantee where x.grantee <> c.relowner), 'no grants'),
      (select 'POLICIES ' || string_agg(p.polname, ' ' order by p.polname) from pg_policy p where p.polrelid = c.oid),
      (select 'OWN TRIGGERS ' || string_agg(t.tgname, ' ' order by t.tgname) from pg_trigger t
       where t.tgrelid = c.oid and not t.tgisinternal and t.tgparentid = 0),
      (select 'SWITCHED TRIGGERS ' || string_agg(t.tgname || '=' || t.tgenabled::text, ' ' order by t.tgname) from pg_trigger t
       where t.tgrelid = c.oid and t.tgenabled <> 'O'),
      (select 'OWN INDEXES ' || string_agg(regexp_replace(pg_get_indexdef(x.indexrelid), '^.* USING ', ''), '; ' order by 1) from pg_index x
       where x.indrelid = c.oid and i.inhparent is not null and not exists (select from pg_inherits h where h.inhrelid = x.indexrelid)),
      (select 'OWN CONSTRAINTS ' || string_agg(pg_get_constraintdef(k.oid), '; ' order by pg_get_constraintdef(k.oid)) from pg_constraint k
       where k.conrelid = c.oid and i.inhparent is not null and k.conparentid = 0 and k.coninhcount = 0 and k.contype in ('p', 'u', 'x', 'f', 'c')),
      case when i.inhparent is not null and ${SHAPE('c.oid')} is distinct from ${SHAPE('i.inhparent')} then 'OTHER COLUMNS than the parent' end,
      'comment ' || quote_literal(obj_description(c.oid, 'pg_class'))) as look
    from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_inherits i on i.inhrelid = c.oid
    where c.relkind in ('r', 'p', 'f') and n.nspname = any ($1) and c.relname ~ '${DATED}' and (c.relispartition or n.nspname = 'partitions')
  ) look
  group by look.parent, look.look order by look.parent, look.look collate "C"`

/** Schemas `n` that are neither ours nor PostgreSQL's nor a tool's: public and where extensions live. */
const SHARED = `n.nspname <> all ($1) and n.nspname !~ '^(pg_|graphile_)' and n.nspname <> 'information_schema'`

export const SCHEMAS = `
  select n.nspname as name, pg_get_userbyid(n.nspowner) as owner, obj_description(n.oid, 'pg_namespace') as comment, ${acl('n.nspacl', 'n', 'n.nspowner')} as acl
  from pg_namespace n where ${SHARED} or n.nspname = any ($1) order by n.nspname collate "C"`

export const TYPES = `
  select n.nspname as schema, t.typname as name, t.typtype as kind, pg_get_userbyid(t.typowner) as owner,
         obj_description(t.oid, 'pg_type') as comment, ${acl('t.typacl', 'T', 't.typowner')} as acl,
         (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) as labels,
         case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base, t.typnotnull as "notNull", t.typdefault as default,
         case when t.typtype = 'd' and t.typcollation <> b.typcollation then t.typcollation::regcollation::text end as collation,
         (select json_agg(json_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid, true), 'comment', obj_description(k.oid, 'pg_constraint'))
                          order by k.conname collate "C") from pg_constraint k where k.contypid = t.oid and k.contype = 'c') as constraints,
         (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'comment', col_description(a.attrelid, a.attnum))
                          order by a.attnum) from pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) as attributes,
         (select format_type(r.rngsubtype, null) from pg_range r where r.rngtypid = t.oid) as subtype
  from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_type b on b.oid = t.typbasetype
  where n.nspname = any ($1) and not ${member('pg_type', 't.oid')}
    and (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
  order by n.nspname collate "C", t.typname collate "C"`

export const SEQUENCES = `
  select n.nspname as schema, c.relname as name, pg_get_userbyid(c.relowner) as owner, format_type(s.seqtypid, null) as type, ${SEQUENCE_SETTINGS} as settings,
         (select p.refobjid::regclass || '.' || a.attname from pg_depend p join pg_attribute a on a.attrelid = p.refobjid and a.attnum = p.refobjsubid
          where p.classid = 'pg_class'::regclass and p.objid = c.oid and p.deptype = 'a') as "ownedBy",
         obj_description(c.oid, 'pg_class') as comment, ${acl('c.relacl', 's', 'c.relowner')} as acl
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid
  where n.nspname = any ($1) and not ${member('pg_class', 'c.oid')}
    and not exists (select from pg_depend p where p.classid = 'pg_class'::regclass and p.objid = c.oid and p.deptype = 'i')
  order by n.nspname collate "C", c.relname collate "C"`

export const ROUTINES = `
  select n.nspname as schema, p.proname as name, p.prokind as kind, pg_get_function_arguments(p.oid) as arguments,
         pg_get_function_identity_arguments(p.oid) as identity, pg_get_function_result(p.oid) as result,
         case when p.prokind = 'a' then (
           select format('create aggregate %s (sfunc = %s, stype = %s, finalfunc = %s, initcond = %L, parallel = %s)', p.oid::regprocedure,
                         g.aggtransfn, format_type(g.aggtranstype, null), g.aggfinalfn, g.agginitval, p.proparallel)
           from pg_aggregate g where g.aggfnoid = p.oid)
         else pg_get_functiondef(p.oid) end as definition,
         pg_get_userbyid(p.proowner) as owner, p.prosecdef as definer, p.provolatile as volatility,
         p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as trigger,
         obj_description(p.oid, 'pg_proc') as comment, ${acl('p.proacl', 'f', 'p.proowner')} as acl
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = any ($1) and not ${member('pg_proc', 'p.oid')}
  order by n.nspname collate "C", p.proname collate "C", pg_get_function_identity_arguments(p.oid) collate "C"`

// Within a schema default privileges only add; for the whole database they replace what PostgreSQL would grant.
export const DEFAULTS = `
  select pg_get_userbyid(d.defaclrole) as role, n.nspname as schema, kind.objects,
         (select json_agg(json_build_object('grantee', coalesce(r.rolname, 'public'), 'privilege', p.privilege, 'grantable', p.grantable, 'change', p.change)
                          order by coalesce(r.rolname, 'public') collate "C", p.privilege collate "C")
          from (select grantee, lower(privilege_type) as privilege, coalesce(bool_or(now.is_grantable), false) as grantable,
                       case when bool_and(now.is_grantable is null) then 'removed' when bool_and(born.is_grantable is null) then 'added' else 'default' end as change
                from aclexplode(d.defaclacl) now
                full join aclexplode(case when n.oid is null then acldefault(kind.letter, d.defaclrole) end) born using (grantee, privilege_type)
                group by grantee, privilege_type) p
          left join pg_roles r on r.oid = p.grantee) as acl
  from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
  join (values ('r'::"char", 'r'::"char", 'tables'), ('S', 's', 'sequences'), ('f', 'f', 'functions'), ('T', 'T', 'types'), ('n', 'n', 'schemas'), ('L', 'L', 'large objects'))
    as kind (type, letter, objects) on kind.type = d.defaclobjtype
  where n.oid is null or n.nspname = any ($1)
  order by pg_get_userbyid(d.defaclrole) collate "C", n.nspname collate "C" nulls first, kind.objects collate "C"`

const OUR_ROLES = String.raw`r.rolname ~ '^(app|freehold)_'`
export const ROLES = `
  select line from (
    select 1 as part, r.rolname as name, format('create role %I %s;', r.rolname, concat_ws(' ',
      case when r.rolcanlogin then 'login' else 'nologin' end, case when r.rolinherit then 'inherit' else 'noinherit' end,
      case when r.rolsuper then 'SUPERUSER' end, case when r.rolbypassrls then 'BYPASSRLS' end, case when r.rolcreatedb then 'createdb' end,
      case when r.rolcreaterole then 'createrole' end, case when r.rolreplication then 'replication' end,
      case when r.rolconnlimit >= 0 then 'connection limit ' || r.rolconnlimit end)) as line
    from pg_roles r where ${OUR_ROLES}
    union all
    select 2, m.rolname || ' ' || g.rolname, format('grant %I to %I with admin %s, inherit %s, set %s;', g.rolname, m.rolname,
      bool_or(a.admin_option), bool_or(a.inherit_option), bool_or(a.set_option))
    from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
    where exists (select from pg_roles r where r.oid in (g.oid, m.oid) and ${OUR_ROLES}) group by m.rolname, g.rolname
    union all
    select 3, r.rolname, format('alter role %I%s set %s;', r.rolname, case when s.setdatabase <> 0 then ' in this database' else '' end, setting)
    from pg_db_role_setting s join pg_roles r on r.oid = s.setrole cross join unnest(s.setconfig) setting
    where ${OUR_ROLES} and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  ) lines order by part, name collate "C", line collate "C"`

export const DATABASE = `
  select line from (
    select format('alter database this set %s;', setting) as line
    from pg_db_role_setting s cross join unnest(s.setconfig) setting
    where s.setrole = 0 and s.setdatabase = (select oid from pg_database where datname = current_database())
    union all
    select format('grant %s on database this to %s;', string_agg(lower(a.privilege_type), ', ' order by a.privilege_type), coalesce(r.rolname, 'public'))
    from pg_database d cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a left join pg_roles r on r.oid = a.grantee
    where d.datname = current_database() and a.grantee <> d.datdba group by r.rolname
  ) lines order by line collate "C"`

export const EXTENSIONS = `
  select format('create extension %I with schema %I;', e.extname, n.nspname) as line
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname <> 'plpgsql' order by e.extname collate "C"`

// The rarer kinds of object: in detail where PostgreSQL has a function for it, by name otherwise, so that none goes unseen.
export const OTHERS = `
  select line from (
    select format('create event trigger %I on %s execute function %s; -- enabled %s', t.evtname, t.evtevent, t.evtfoid::regprocedure, t.evtenabled) as line
    from pg_event_trigger t where not ${member('pg_event_trigger', 't.oid')}
    union all
    select format('create publication %I; -- all tables %s, %s', p.pubname, p.puballtables,
                  (select string_agg(r.prrelid::regclass::text, ' ' order by r.prrelid::regclass::text collate "C") from pg_publication_rel r where r.prpubid = p.oid))
    from pg_publication p
    union all
    select pg_get_statisticsobjdef(s.oid) || ';' from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where n.nspname = any ($1)
    union all
    select '-- ' || i.type || ' ' || i.identity
    from (select tableoid, oid, oprnamespace from pg_operator
          union all select tableoid, oid, opcnamespace from pg_opclass
          union all select tableoid, oid, opfnamespace from pg_opfamily
          union all select tableoid, oid, collnamespace from pg_collation
          union all select tableoid, oid, connamespace from pg_conversion
          union all select tableoid, oid, cfgnamespace from pg_ts_config
          union all select tableoid, oid, dictnamespace from pg_ts_dict
          union all select tableoid, oid, tmplnamespace from pg_ts_template
          union all select tableoid, oid, prsnamespace from pg_ts_parser) as o (class, id, namespace)
    join pg_namespace n on n.oid = o.namespace and n.nspname = any ($1)
    cross join pg_identify_object(o.class, o.id, 0) i
    where not exists (select from pg_depend e where e.classid = o.class and e.objid = o.id and e.deptype = 'e')
    union all
    select '-- ' || i.type || ' ' || i.identity
    from (select tableoid, oid, relnamespace from pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          union all select tableoid, oid, pronamespace from pg_proc) as o (class, id, namespace)
    join pg_namespace n on n.oid = o.namespace and ${SHARED}
    cross join pg_identify_object(o.class, o.id, 0) i
    where not exists (select from pg_depend e where e.classid = o.class and e.objid = o.id and e.deptype = 'e')
  ) lines order by line collate "C"`
