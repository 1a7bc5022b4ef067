  # The names of profiles, which are not known before.
  def "nu-complete evergrant profiles" [context: string] {
    let config = $context | parse --regex '--config[= ]+(?<path>\S+)' | get path
    let named = if ($config | is-empty) { [] } else { [--config ($config | last | path expand)] }
    let list = do { ^evergrant config list ...$named } | complete
    $list.stdout | lines | each {|name| if $name =~ '^[\w-]+$' { $name } else { $name | to nuon } }
  }

