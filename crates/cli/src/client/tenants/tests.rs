use super::{Descriptions, FOLDER, Said};
use crate::client::profile::Profiles;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CLIENT: &str =
    "token_endpoint = \"https://auth.example.com/token\"\nclient_id = \"me\"\nauth = \"none\"\n";

/// For nobody else to read.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn described(folder: &TempDir, text: &str) -> Descriptions {
    let path = folder.path().join("config.toml");
    write(&path, text);
    let mut faults = Vec::new();
    let described = Descriptions::of(&mut Profiles::read(Some(&path)).unwrap(), &[], &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    described
}

#[test]
fn a_name_leads_to_its_own_file_in_the_folder_and_nowhere_else() {
    let folder = TempDir::new().unwrap();
    let files = folder.path().join(FOLDER);
    fs::create_dir(&files).unwrap();
    for name in ["shop", "Shop", ".hidden"] {
        write(&files.join(format!("{name}.toml")), CLIENT);
    }
    // What a path would lead to is there.
    write(&folder.path().join("outside.toml"), CLIENT);
    let described = described(&folder, "[profile.a]\nprovider = \"myparcel\"\nclient_id = \"x\"\n");
    assert!(matches!(described.said("shop"), Ok(Said::File(..))));
    for name in ["../outside", "./shop", "Shop", ".hidden", "shop.toml", "", "nobody", "shop\0"] {
        assert!(matches!(described.said(name), Ok(Said::Nothing)), "{name:?}");
    }
    assert_eq!(described.files(), ["shop"]);
}

#[test]
fn who_is_in_both_is_as_the_table_says() {
    let folder = TempDir::new().unwrap();
    let files = folder.path().join(FOLDER);
    fs::create_dir(&files).unwrap();
    write(&files.join("shop.toml"), "client_id = \n");
    write(&files.join("office.toml"), &format!("{CLIENT}scop = \"x\"\nclient_id = \"\"\n"));
    let described = described(&folder, &format!("[tenants.shop]\n{CLIENT}"));
    assert!(matches!(described.said("shop"), Ok(Said::Table(_))));
    assert_eq!(described.files(), ["office"]);
    let faults = described.said("office").err().unwrap().faults;
    let faults: Vec<String> = faults.iter().map(|failure| failure.parts().0.to_owned()).collect();
    assert!(faults.iter().any(|fault| fault.contains("office.toml:4: unknown key scop")), "{faults:?}");
}
